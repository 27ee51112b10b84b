"""`hil baseline`: what later runs are held against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hil.errors import ConfigError
from hil.gate.baseline import (
    FOLDER,
    Baseline,
    baseline_names,
    entries_of,
    load_baseline,
    measured_entries,
    save_baseline,
)
from hil.gate.condition import check_keys
from hil.gate.diff import diff_baselines
from hil.gate.expression import parse_expressions
from hil.record import RunResult
from hil.report.baseline import print_baseline, print_diff
from hil.report.json_report import read_json
from hil.vocab import GateOutcome

EXIT_FAILS = 1
LATEST = "latest"

Name = Annotated[str, typer.Argument(metavar="NAME", help="the baseline")]
Folder = Annotated[Path, typer.Option("--baselines", metavar="DIR", help="folder of the baselines")]
StoreUrl = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="the history, instead of .hil/")
]
FROM_HELP = "latest session of the history, a run's id, or a file of pytest --hil-json"

app = typer.Typer(no_args_is_help=True, help="What later runs are held against.")


def register(parent: typer.Typer) -> None:
    """Adds the commands of this module."""
    parent.add_typer(app, name="baseline")


@dataclass(frozen=True)
class _Choice:
    """Which runs of a source are meant; None: all."""

    suite: str | None
    model: str | None
    target: str | None

    def of(self, runs: list[RunResult]) -> list[RunResult]:
        """Those that are. Raises ConfigError when there are none."""
        wanted = {"suite": self.suite, "model": self.model, "target": self.target}
        chosen = [
            run
            for run in runs
            if all(value in (None, getattr(run, name)) for name, value in wanted.items())
        ]
        if not chosen:
            models = ", ".join(sorted({run.model for run in runs})) or "nothing"
            raise ConfigError("no such run", hint=f"there is {models}")
        return chosen


@app.command("set")
def set_(
    name: Name,
    source: Annotated[str, typer.Option("--from", metavar="RUN", help=FROM_HELP)] = LATEST,
    suite: Annotated[str | None, typer.Option(help="only runs of this suite")] = None,
    model: Annotated[str | None, typer.Option(help="only runs of this model")] = None,
    target: Annotated[str | None, typer.Option(help="only runs on this target")] = None,
    accept: Annotated[
        bool, typer.Option("--despite-gate", help="take runs that failed by the gate alone")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="drop all other entries of NAME")
    ] = False,
    folder: Folder = FOLDER,
    store: StoreUrl = None,
) -> None:
    """Make runs the baseline NAME, or renew its entries of the same models.

    Files in reports/baselines are meant to be reviewed and committed.
    """
    entries = entries_of(_Choice(suite, model, target).of(_runs(source, store)), accept=accept)
    old = load_baseline(folder, name) if name in baseline_names(folder) else Baseline(name)
    new = (Baseline(name) if replace else old).updated(entries)
    changed = save_baseline(folder, new)
    console = Console(highlight=False)
    diff = diff_baselines(old, new)
    if old.entries:
        print_diff(console, "before", "now", diff)
    said = "\n".join(f"wrote {path}" for path in changed) or "nothing changed"
    console.print(f"baseline {name}: {len(entries)} runs set, {len(new.entries)} in it")
    console.print(said, soft_wrap=True)


@app.command("list")
def list_(folder: Folder = FOLDER) -> None:
    """List the baselines there are."""
    names = baseline_names(folder)
    if not names:
        raise ConfigError(
            f"there is no baseline in {folder}",
            hint="pytest --target NAME, then `hil baseline set NAME`",
        )
    for name in names:
        entries = load_baseline(folder, name).entries
        targets = ", ".join(sorted({f"{e.target} ({e.kind.value})" for e in entries}))
        days = sorted(entry.started_utc[:10] for entry in entries)
        typer.echo(f"{name}: {len(entries)} runs of {days[0]} to {days[-1]} on {targets}")


@app.command()
def show(name: Name, folder: Folder = FOLDER) -> None:
    """Show what NAME holds."""
    print_baseline(Console(highlight=False), load_baseline(folder, name))


@app.command()
def diff(
    name: Name,
    other: Annotated[
        str, typer.Argument(metavar="[OTHER]", help=f"another baseline; {FROM_HELP}")
    ] = LATEST,
    gate: Annotated[
        list[str] | None,
        typer.Option("--gate", metavar="EXPR", help="exit with 1 when this is not kept"),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="KEY", help="compare although this condition differs"),
    ] = None,
    details: Annotated[bool, typer.Option("--details", help="parts of figures too")] = False,
    folder: Folder = FOLDER,
    store: StoreUrl = None,
) -> None:
    """Show what is not as in NAME, and what may be behind it.

    Exit code 1 when a figure breaks a --gate.
    """
    expressions = parse_expressions(gate or ())
    check_keys(accept or ())
    before = load_baseline(folder, name)
    if other in baseline_names(folder):
        after = load_baseline(folder, other)
    else:
        after = Baseline(other).updated(measured_entries(_runs(other, store)))
    found = diff_baselines(before, after, accepted=accept or (), details=details, gate=expressions)
    print_diff(Console(highlight=False), name, other, found)
    outcomes = {answer.outcome for each in found.both for answer in each.answers}
    if GateOutcome.FAIL in outcomes:
        raise typer.Exit(EXIT_FAILS)


def _runs(source: str, store: str | None) -> list[RunResult]:
    """Runs of the history or of a file. Raises ConfigError."""
    if Path(source).suffix == ".json" or Path(source).is_file():
        return read_json(Path(source))
    # The database's package is slow to import, and two baselines do not need it.
    from hil.cli.history import opened

    history = opened(store)
    try:
        if source != LATEST:
            return [history.run(source).result()]
        session = history.latest_session()
        end = history.session_end(session)
        if end is None or not end.complete:
            raise ConfigError(
                f"the latest session, {session}, is not complete",
                hint="let pytest --target NAME come to its end, or name a run: hil history",
            )
        return [run.result() for run in history.session_runs(session)]
    finally:
        history.close()
