"""`hil report`: the HTML page of a session that is in the history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hil.cli.history import StoreUrl, opened
from hil.errors import StoreError
from hil.files import check_writable
from hil.gate.baseline import FOLDER, load_baseline
from hil.gate.gate import Gate
from hil.report.html.page import write_html
from hil.report.html.session import page_of
from hil.store.history import DRAWN_RUNS

LATEST = "latest"
DEFAULT_FILE = Path("report.html")
NOT_COMPLETE = "the session did not come to its end: other runs may be missing"


def register(app: typer.Typer) -> None:
    """Adds the command of this module."""
    app.command("report")(report)


def report(
    session: Annotated[
        str, typer.Argument(metavar="[SESSION]", help="a session's id, or latest")
    ] = LATEST,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="where to write it")
    ] = DEFAULT_FILE,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="NAME", help="show changes since this one")
    ] = None,
    baselines: Annotated[
        Path, typer.Option("--baselines", metavar="DIR", help="folder of the baselines")
    ] = FOLDER,
    store: StoreUrl = None,
) -> None:
    """Write a session's report as one HTML page: it opens in any browser, without a network."""
    check_writable(out)
    gate = Gate(load_baseline(baselines, baseline)) if baseline is not None else None
    history = opened(store)
    try:
        stored = history.session_runs(history.latest_session() if session == LATEST else session)
        if not stored:
            raise StoreError(
                f"there is no session {session!r} in {history.name}",
                hint="`hil show RUN` names the session of a run",
            )
        runs = [run.result() for run in stored]
        held = gate.held(runs) if gate is not None else None
        end = history.session_end(stored[0].session.session_id)
        notes = [] if end is not None and end.complete else [NOT_COMPLETE]
        points = history.points(limit=DRAWN_RUNS)
        page = page_of(stored[0].session, runs, points, held, notes)
    finally:
        history.close()
    write_html(out, page)
    typer.echo(f"{len(runs)} runs of {stored[0].session.started_utc} in {out}")
