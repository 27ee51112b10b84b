"""The commands of `hil`, and how their errors are told."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from hil import __version__
from hil.cli import baseline, boards, look, model, run, start
from hil.errors import HilError

EXIT_CANNOT = 2

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Hardware-in-the-loop benchmarking of TensorFlow Lite Micro. "
    "Suites run through pytest: pytest --target stm32f746",
)
start.register(app)
run.register(app)
model.register(app)
look.register(app)
boards.register(app)
baseline.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hil {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    _version: Annotated[
        bool,
        typer.Option("--version", help="show hil's version", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    pass


def run_app() -> None:
    """Runs the command line: our errors become one message and an exit code."""
    try:
        app()
    except HilError as error:
        _complain(error)
        sys.exit(EXIT_CANNOT)


def _complain(error: HilError) -> None:
    console = Console(stderr=True, highlight=False)
    where = f"{error.step}: " if error.step else ""
    console.print(Text("error: ", style="bold red") + Text(where + error.message), soft_wrap=True)
    if error.detail:
        console.print(Text(error.detail), soft_wrap=True)
    if error.hint:
        console.print(Text("hint: ", style="bold") + Text(error.hint), soft_wrap=True)
