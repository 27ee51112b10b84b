"""`hil tflm ...`: TFLM trees of one's own, and the pinned ones."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hil.cli.options import DEFAULT_TARGET, TargetName
from hil.cli.prepared import watched
from hil.errors import ConfigError, did_you_mean
from hil.target import load_target
from hil.tflm.inspection import Inspection, inspect_tree
from hil.tflm.kernels import NAMES
from hil.tflm.locate import PINNED, locate_tflm
from hil.tflm.selftest import VECTORS, SelftestRow, selftest
from hil.vocab import Status

EXIT_FAILS, EXIT_CANNOT = 1, 2
NAMES_IN_LINE = 6
TABLE_COLUMNS = 110

Tree = Annotated[
    str, typer.Argument(metavar="DIR", help=f"folder of a TFLM tree, or {', '.join(PINNED)}")
]

app = typer.Typer(no_args_is_help=True, help="Look at a TFLM tree of your own, try it, fetch ours.")


def register(parent: typer.Typer) -> None:
    """Adds the commands of this module."""
    parent.add_typer(app, name="tflm")


@app.command()
def inspect(
    tree: Tree,
    operators: Annotated[bool, typer.Option("--operators", help="list its operators")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, operators included")] = False,
) -> None:
    """Show what DIR is: its API, kernel libraries and operators, and what it lacks.

    Exit code 2 when it cannot be built from.
    """
    folder = locate_tflm(tree).root if tree in PINNED else Path(tree)
    found = inspect_tree(folder)
    if as_json:
        typer.echo(json.dumps(_as_json(found), indent=1))
    else:
        _print(Console(highlight=False), found, with_operators=operators)
    if found.problems:
        raise typer.Exit(EXIT_CANNOT)


def _as_json(found: Inspection) -> dict[str, Any]:
    document = asdict(found) | {"root": str(found.root)}
    document["operators"] = [operator.name for operator in found.operators]
    return document


def _print(console: Console, found: Inspection, *, with_operators: bool) -> None:
    lines = [
        ("tree", str(found.root)),
        ("generation", found.title),
        *(("" if number else "marks", text) for number, text in enumerate(found.marks)),
        (
            "commit",
            f"{found.commit.sha[:12]} of {found.commit.date}" if found.commit else "unknown",
        ),
        ("digest", found.digest[:12]),
        ("kernels", ", ".join(found.libraries) or "none"),
        ("operators", _operators_text(found)),
    ]
    for heading, text in lines:
        console.print(Text(f"{heading:10}  {text}"), soft_wrap=True)
    if with_operators:
        names = [operator.name for operator in found.operators]
        for start in range(0, len(names), NAMES_IN_LINE):
            console.print(
                Text("  " + ", ".join(names[start : start + NAMES_IN_LINE])), soft_wrap=True
            )
    if not found.problems:
        console.print("it can be built: hil tflm selftest tries it")
        return
    console.print("it cannot be built:")
    for problem in found.problems:
        console.print(Text(f"- {problem.what}"), soft_wrap=True)
    for remedy in dict.fromkeys(problem.remedy for problem in found.problems if problem.remedy):
        console.print(Text(f"  {remedy}"), soft_wrap=True)


def _operators_text(found: Inspection) -> str:
    custom = sum(operator.is_custom for operator in found.operators)
    return f"{len(found.operators)}" + (f", {custom} of them custom" if custom else "")


@app.command("selftest")
def selftest_(
    tree: Tree,
    target: TargetName = DEFAULT_TARGET,
    kernels: Annotated[
        str | None,
        typer.Option("--kernels", metavar="NAMES", help=f"of {', '.join(NAMES)}; by default all"),
    ] = None,
) -> None:
    """Build eight tiny models from DIR, run them on the emulated board, compare with the host.

    Exit code 0: each equals the references or is one that this TFLM does not take. 1: one does not.
    """
    board = load_target(target)
    tflm = locate_tflm(tree)
    wanted = kernels.split(",") if kernels else [library.name for library in tflm.libraries]
    libraries = [tflm.library(name).name for name in wanted]
    with watched("selftest") as show:
        rows = list(selftest(tflm, board, libraries, on_progress=show))
    console = Console(highlight=False)
    console.print(
        Text(
            f"TFLM {tflm.generation.title}, {tflm.origin}, digest {tflm.digest[:12]}, on {target}"
        ),
        soft_wrap=True,
    )
    # Whole cells, whatever the terminal is: the table is made to be pasted.
    Console(highlight=False, width=max(console.width, TABLE_COLUMNS)).print(_table(rows))
    for row in rows:
        if row.reason:
            console.print(Text(f"{row.model} ({row.library}): {row.reason}"), soft_wrap=True)
    failed = sum(row.is_failure for row in rows)
    passed = sum(row.status is Status.PASS for row in rows)
    console.print(
        f"{passed} of {len(rows)} equal the references on {VECTORS} vectors each, {failed} failed"
    )
    if failed:
        raise typer.Exit(EXIT_FAILS)
    if not passed:
        console.print("nothing ran")
        raise typer.Exit(EXIT_CANNOT)


def _table(rows: list[SelftestRow]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("model", "library", "status"):
        table.add_column(heading, no_wrap=True)
    table.add_column("instructions", justify="right", no_wrap=True)
    table.add_column("difference", no_wrap=True)
    for row in rows:
        count = f"{row.instructions:,.0f}" if row.instructions is not None else "-"
        table.add_row(row.model, row.library, row.status.value, count, row.difference or "-")
    return table


@app.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help=f"of {', '.join(PINNED)}")
    ] = None,
) -> None:
    """Fetch the pinned TFLM trees into the cache: a machine is then ready without a network."""
    for name in names or ():
        if name not in PINNED:
            raise ConfigError(f"there is no pinned TFLM {name!r}", hint=did_you_mean(name, PINNED))
    for name in names or PINNED:
        typer.echo(f"TFLM {name}: {locate_tflm(name).origin}")
