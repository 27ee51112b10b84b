"""The page of a session, as it ends or from the history."""

from __future__ import annotations

from collections.abc import Sequence

from hil.gate.change import Held
from hil.record import RunResult
from hil.report.html.page import Page
from hil.report.html.words import commit_text
from hil.store.history import HistoryPoint
from hil.store.stored import StoredSession
from hil.vocab import RunOrigin


def page_of(
    session: StoredSession,
    runs: Sequence[RunResult],
    points: Sequence[HistoryPoint],
    held: Held | None = None,
    notes: Sequence[str] = (),
) -> Page:
    """The page; of `points`, newest first, those of the same models and origins are drawn: what
    `hil noise` measured is no night of a suite.
    """
    wanted = {(run.suite, run.model, run.target) for run in runs}
    origins = {run.record.origin for run in runs if run.record is not None} or {RunOrigin.SUITE}
    return Page(
        runs=runs,
        created_utc=session.started_utc,
        title=_title(runs),
        held=held,
        notes=notes,
        history=[
            point
            for point in points
            if (point.suite, point.model, point.target) in wanted and point.origin in origins
        ],
        facts=_facts(session, held),
    )


def _title(runs: Sequence[RunResult]) -> str:
    suites = " and ".join(dict.fromkeys(run.suite or run.model for run in runs))
    targets = ", ".join(dict.fromkeys(run.target for run in runs))
    return f"{suites} on {targets}" if runs else "no runs"


def _facts(session: StoredSession, held: Held | None) -> dict[str, str]:
    """Where and from what it was measured."""
    facts = {"host": session.host, "hil": session.hil_version}
    commit = session.source_commit
    if commit is not None:
        facts["commit"] = commit_text(commit)
    if held is not None:
        facts["baseline"] = held.name
    return facts | {"command": session.command}
