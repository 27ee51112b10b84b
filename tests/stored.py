"""Runs as the history keeps them, made by hand."""

from __future__ import annotations

from hil.record import RunRecord, RunResult, Verdict
from hil.store.stored import StoredRun, StoredSession
from hil.vocab import CheckName, RunOrigin, Status
from tests.entries import changed_record

SESSION = StoredSession(
    session_id="20260101T000000-aaaaaaaa",
    started_utc="2026-01-01T00:00:00+00:00",
    host="bench",
    arguments=("pytest", "--target", "stm32f746"),
    source_commit="c0ffee",
)


def make_run(number: int, record: RunRecord | None = None, **changes: object) -> StoredRun:
    """Run number N of a session, of minute N; judged good by one check."""
    values: dict[str, object] = {
        "run_id": f"20260101T00{number // 60:02}{number % 60:02}-{number:08x}",
        "started_utc": f"2026-01-01T00:{number // 60:02}:{number % 60:02}+00:00",
    }
    taken = record or changed_record()
    run = StoredRun.of(taken.model_copy(update=values), SESSION, number)
    verdict = Verdict(check=CheckName.ARENA, status=Status.PASS, reason="fine")
    return run.model_copy(update={"verdicts": (verdict,)} | changes)


def failed_run(reason: str = "no probe") -> StoredRun:
    """A run without a result."""
    result = RunResult("digits", "digits_int8", "stm32f746", "reference", reason=reason)
    run = StoredRun.failed(result, SESSION, RunOrigin.SUITE)
    verdict = Verdict(check=CheckName.ARENA, status=Status.ERROR, reason=reason)
    return run.model_copy(update={"verdicts": (verdict,)})
