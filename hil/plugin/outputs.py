"""The files of a session: what was asked for, with what they need imported only then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hil.errors import StoreError
from hil.gate.change import Held
from hil.plugin.options import Options
from hil.record import RunResult
from hil.store.history import DRAWN_RUNS, HistoryPoint
from hil.store.store import open_store
from hil.store.stored import StoredSession


@dataclass(frozen=True)
class Outcome:
    """What came of a session: its runs, what they are held against, what else is to be said."""

    runs: Sequence[RunResult]
    held: Held | None
    notes: Sequence[str]
    session: StoredSession
    history: str | None
    is_interrupted: bool


def write_outputs(options: Options, outcome: Outcome) -> None:
    """Writes them. Raises ConfigError.

    After Ctrl-C the JSON says that it is not complete; all else, which cannot say that, stays as it
    was, and so does everything when no run had ended.
    """
    if outcome.is_interrupted and not outcome.runs:
        return
    if options.json is not None:
        from hil.report.json_report import write_json

        write_json(options.json, outcome.runs, complete=not outcome.is_interrupted)
    if outcome.is_interrupted:
        return
    if options.csv is not None:
        from hil.report.frame import write_csv

        write_csv(options.csv, outcome.runs)
    if options.parquet is not None:
        from hil.report.frame import write_parquet

        write_parquet(options.parquet, outcome.runs)
    _write_markdown(options, outcome)
    if options.html is not None:
        from hil.report.html.page import write_html
        from hil.report.html.session import page_of

        points = _points(outcome)
        page = page_of(outcome.session, outcome.runs, points, outcome.held, outcome.notes)
        write_html(options.html, page)


def _write_markdown(options: Options, outcome: Outcome) -> None:
    from hil.gate.gate import gate_lines
    from hil.report.markdown import append_job_summary, markdown_text, write_markdown

    notes = [*gate_lines(outcome.runs), *outcome.notes]
    text = markdown_text(outcome.runs, outcome.held, notes)
    append_job_summary(text)
    if options.markdown is not None:
        write_markdown(options.markdown, text)


def _points(outcome: Outcome) -> list[HistoryPoint]:
    """The newest runs of the history; nothing when it cannot be read now."""
    if outcome.history is None:
        return []
    try:
        store = open_store(outcome.history)
        try:
            return store.points(limit=DRAWN_RUNS)
        finally:
            store.close()
    except StoreError:
        return []  # why has been told where it was written
