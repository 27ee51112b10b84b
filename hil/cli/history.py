"""`hil history`, `show`, `export`, `merge`, `prune`: what was measured, night after night."""

from __future__ import annotations

import json as json_module
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hil.errors import ConfigError
from hil.gate.baseline import FOLDER
from hil.record import Subject
from hil.report.history import print_history, print_run
from hil.store.history import HistoryPoint
from hil.store.location import existing_location, project_root
from hil.store.spool import import_leftovers
from hil.store.store import RunFilter, Store, open_store
from hil.vocab import Kind, RunOrigin, Status

DEFAULT_COUNT = 20
LOOK_BACK = 20  # times as many runs as are shown
_RUN_ID = re.compile(rb"\d{8}T\d{6}-[0-9a-f]{8}")
_AGE = re.compile(r"(\d+)([dhw])")
_AGE_UNITS = {"d": "days", "h": "hours", "w": "weeks"}

StoreUrl = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help="the history, instead of .hil/history.sqlite"),
]
Suite = Annotated[str | None, typer.Option("--suite", metavar="NAME", help="of this suite")]
Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="of this model")]
TargetName = Annotated[str | None, typer.Option("--target", metavar="NAME", help="on this target")]
Kernels = Annotated[str | None, typer.Option("--kernels", help="with these kernels")]
KindOf = Annotated[Kind | None, typer.Option("--kind", help="on boards of this kind")]
Origin = Annotated[RunOrigin | None, typer.Option("--origin", help="made by this")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="a date, or an age as in 7d or 12h")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("history")(history)
    app.command("show")(show)
    app.command("export")(export)
    app.command("merge")(merge)
    app.command("prune")(prune)


def opened(location: str | None) -> Store:
    """The history, with what dead sessions left taken in. Raises StoreError."""
    store = open_store(existing_location(location))
    count = import_leftovers(project_root(Path.cwd()), store)
    if count:
        typer.echo(f"{count} runs of a session that died were taken in", err=True)
    return store


def history(
    suite: Suite = None,
    model: Model = None,
    target: TargetName = None,
    kernels: Kernels = None,
    kind: KindOf = None,
    origin: Origin = None,
    status: Annotated[Status | None, typer.Option("--status", help="that ended so")] = None,
    since: Since = None,
    count: Annotated[int, typer.Option("-n", min=1, help="the newest N")] = DEFAULT_COUNT,
    store: StoreUrl = None,
) -> None:
    """List runs, newest first, with what changed since the run before of the same model."""
    which = _filter(suite, model, target, kernels, kind, origin, since)
    source = opened(store)
    # More than are shown: each is held against the one before of its key.
    points = source.points(which, source.count() if status else count * LOOK_BACK)
    total = source.count(which)
    if status is not None:
        points = [point for point in points if point.status is status]
        total = len(points)
    if points:
        print_history(_console(), points, count, total, lambda run: _subject(source, run))
    else:
        typer.echo("no such run in the history")
    source.close()


def _subject(source: Store, run_id: str) -> Subject | None:
    record = source.run(run_id).record
    return record.subject if record is not None else None


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="a run's id, or its first digits")],
    json: Annotated[bool, typer.Option("--json", help="as pytest --hil-json has it")] = False,
    store: StoreUrl = None,
) -> None:
    """Show all that is known of one run."""
    source = opened(store)
    stored = source.run(run)
    source.close()
    if json:
        from hil.report.json_report import run_as_json

        typer.echo(json_module.dumps(run_as_json(stored.result()), indent=1))
        return
    print_run(_console(), stored)


def export(
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="as CSV")] = None,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="as Parquet; needs pyarrow")
    ] = None,
    suite: Suite = None,
    model: Model = None,
    target: TargetName = None,
    kernels: Kernels = None,
    kind: KindOf = None,
    origin: Origin = None,
    since: Since = None,
    store: StoreUrl = None,
) -> None:
    """Write a table with a row per run, with the columns of pytest --hil-csv."""
    from hil.files import check_writable
    from hil.report.frame import check_parquet, write_csv, write_parquet

    if csv is None and parquet is None:
        raise ConfigError("nothing to write", hint="give --csv FILE or --parquet FILE")
    for path in (csv, parquet):
        if path is not None:
            check_writable(path)
    if parquet is not None:
        check_parquet()
    source = opened(store)
    which = _filter(suite, model, target, kernels, kind, origin, since)
    runs = [stored.result() for stored in source.runs(which, source.count())]
    source.close()
    if csv is not None:
        write_csv(csv, runs)
    if parquet is not None:
        write_parquet(parquet, runs)
    written = ", ".join(str(path) for path in (csv, parquet) if path is not None)
    typer.echo(f"{len(runs)} runs in {written}")


def merge(
    other: Annotated[str, typer.Argument(metavar="OTHER", help="another history: path or URL")],
    store: StoreUrl = None,
) -> None:
    """Take over the runs of another history, as of another bench host. Twice changes nothing."""
    source_location = existing_location(other)
    source = open_store(source_location)
    target = open_store(store) if store is not None else opened(None)
    count = target.merge(source)
    typer.echo(f"{count} new runs of {source.count()} in {source.name}; {target.count()} now")
    source.close()
    target.close()


def prune(
    keep_days: Annotated[
        int | None, typer.Option("--keep-days", min=1, metavar="N", help="keep N days")
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option("--keep", min=1, metavar="N", help="keep the newest N of each model"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    baselines: Annotated[
        Path, typer.Option(metavar="DIR", help="runs that these files name stay")
    ] = FOLDER,
    store: StoreUrl = None,
) -> None:
    """Forget old runs. Those that a baseline names stay, and what both options keep."""
    if keep_days is None and keep is None:
        raise ConfigError("nothing says what to keep", hint="give --keep-days N or --keep N")
    source = opened(store)
    points = source.points(limit=source.count())
    spared = _named_in(baselines)
    gone = [p.run_id for p in _superfluous(points, keep_days, keep) if p.run_id not in spared]
    typer.echo(f"{len(gone)} of {len(points)} runs go, {len(points) - len(gone)} stay")
    if not gone:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError("nobody is there to ask", hint="give --yes")
        typer.confirm("forget them?", abort=True)
    source.remove(gone)
    source.close()
    typer.echo(f"{len(gone)} runs forgotten")


def _superfluous(
    points: Iterable[HistoryPoint], keep_days: int | None, keep: int | None
) -> Iterable[HistoryPoint]:
    """Runs, newest first, that neither option keeps."""
    oldest = _utc(datetime.now(UTC) - timedelta(days=keep_days)) if keep_days else None
    seen: dict[tuple[object, ...], int] = {}
    for point in points:
        key = (point.suite, point.model, point.target, point.kernels, point.kind, point.origin)
        seen[key] = seen.get(key, 0) + 1
        is_young = oldest is not None and point.started_utc >= oldest
        is_among_newest = keep is not None and seen[key] <= keep
        if not is_young and not is_among_newest:
            yield point


def _named_in(folder: Path) -> set[str]:
    """Ids of runs in the files of the baselines."""
    names: set[str] = set()
    for path in folder.glob("**/*.json"):
        names |= {match.decode() for match in _RUN_ID.findall(path.read_bytes())}
    return names


def _filter(
    suite: str | None,
    model: str | None,
    target: str | None,
    kernels: str | None,
    kind: Kind | None,
    origin: RunOrigin | None,
    since: str | None,
) -> RunFilter:
    return RunFilter(
        suite=suite,
        model=model,
        target=target,
        kernels=kernels,
        kind=kind.value if kind is not None else None,
        origin=origin.value if origin is not None else None,
        since_utc=_since(since),
    )


def _since(text: str | None) -> str | None:
    """A date, or an age, as the start of an ISO 8601 time. Raises ConfigError."""
    if text is None:
        return None
    age = _AGE.fullmatch(text)
    if age is not None:
        return _utc(datetime.now(UTC) - timedelta(**{_AGE_UNITS[age[2]]: int(age[1])}))
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is no time", hint="a date as in 2026-11-25, or an age: 12h, 7d, 4w"
        ) from error
    return text


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _console() -> Console:
    return Console(highlight=False)
