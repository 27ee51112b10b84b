"""The commands of `hil`, and how their errors are told."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from hil import __version__
from hil.errors import HilError

EXIT_CANNOT = 2
VERSION = "--version"
# Module of hil.cli -> its commands. Only the module of the command that was called is imported:
# some take most of a second.
MODULES = {
    "start": ("init", "doctor"),
    "run": ("run",),
    "model": ("model", "build"),
    "look": ("profile", "arena", "bisect"),
    "boards": ("targets", "emulate", "flash"),
    "baseline": ("baseline",),
    "history": ("history", "show", "export", "merge", "prune"),
    "report": ("report",),
    "cache": ("cache",),
    "bundle": ("replay", "verify"),
    "noise": ("noise",),
    "tflm": ("tflm",),
}


def make_app(modules: Iterable[str] = MODULES) -> typer.Typer:
    """The command line with the commands of these modules."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Hardware-in-the-loop benchmarking of TensorFlow Lite Micro. "
        "Suites run through pytest: pytest --target stm32f746",
    )
    app.callback()(_common)
    for name in modules:
        importlib.import_module(f"hil.cli.{name}").register(app)
    return app


def modules_for(arguments: Sequence[str]) -> list[str]:
    """The modules that have what was called; none for help, version and unknown commands."""
    command = next(iter(arguments), "")
    return [name for name, commands in MODULES.items() if command in commands]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hil {__version__}")
        raise typer.Exit


def _common(
    _version: Annotated[
        bool,
        typer.Option(VERSION, help="show hil's version", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    pass


def run_app() -> None:
    """Runs the command line: our errors become one message and an exit code."""
    modules = modules_for(sys.argv[1:])
    app = make_app(modules)
    if not modules:
        from hil.cli.listing import list_commands

        list_commands(app)
    try:
        app()
    except HilError as error:
        _complain(error)
        sys.exit(EXIT_CANNOT)


def _complain(error: HilError) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    where = f"{error.step}: " if error.step else ""
    console.print(Text("error: ", style="bold red") + Text(where + error.message), soft_wrap=True)
    if error.detail:
        console.print(Text(error.detail), soft_wrap=True)
    if error.hint:
        console.print(Text("hint: ", style="bold") + Text(error.hint), soft_wrap=True)
