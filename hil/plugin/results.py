"""What came of a session: runs and verdicts, as they travel on pytest's reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

import pytest

from hil.errors import HilError
from hil.plugin.broker import RunKey
from hil.record import HostOnly, RunRecord, RunResult, Verdict
from hil.vocab import Status

ATTRIBUTE = "hil"
NOTE_ATTRIBUTE = "hil_note"
SHORT = 200  # characters of a property: JUnit readers show it in a table


class CheckFailed(Exception):
    """A check's answer is no."""


@runtime_checkable
class Judged(Protocol):
    """An item that answers for a check of a run."""

    key: RunKey | None
    error: HilError | None

    def verdict_of(self, call: pytest.CallInfo[None]) -> Verdict | None:
        """Its verdict, in the one phase that brings it."""


def attach(
    report: pytest.TestReport,
    key: RunKey,
    verdict: Verdict,
    record: RunRecord | None,
    host_only: HostOnly | None,
) -> None:
    """Puts a verdict on its report, and what is known of the run with its first: builtins only, as
    xdist needs.
    """
    payload: dict[str, Any] = {
        "suite": key.suite.name,
        "model": key.model.label,
        "target": key.target.name,
        "kernels": key.kernels,
        "place": key.place,
        "verdict": verdict.model_dump(mode="json"),
        "record": record.model_dump(mode="json") if record is not None else None,
        "host_only": host_only.model_dump(mode="json") if host_only is not None else None,
    }
    setattr(report, ATTRIBUTE, payload)


def properties(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """The verdict as short scalars, which JUnit keeps beside the item."""
    yield "hil.status", verdict.status.value
    yield "hil.reason", verdict.reason.splitlines()[0][:SHORT]
    for answer in verdict.gate:
        name = f"hil.gate.{answer.metric}"
        yield name, f"{answer.outcome.value} {answer.expression}"
        if answer.before is not None and answer.after is not None:
            yield f"{name}.before", f"{answer.before:.10g}"
            yield f"{name}.after", f"{answer.after:.10g}"
        if answer.causes:
            yield f"{name}.cause", answer.causes[0][:SHORT]


def attach_note(report: pytest.TestReport, text: str) -> None:
    """Puts a note on its report, for the summary."""
    setattr(report, NOTE_ATTRIBUTE, text)


OnVerdict = Callable[[RunResult, Verdict, int], None]


class Results:
    """Runs as they come, on the controller."""

    def __init__(self, on_verdict: OnVerdict | None = None) -> None:
        """`on_verdict` is told each verdict, its run and its model's place as they come."""
        self._on_verdict = on_verdict
        self._runs: dict[tuple[str, str, str, str], RunResult] = {}
        self._places: dict[tuple[str, str, str, str], list[Any]] = {}
        self._failures_not_ours = False
        self.notes: list[str] = []

    def add(self, report: pytest.TestReport) -> None:
        """Takes what a report brings."""
        note = getattr(report, NOTE_ATTRIBUTE, None)
        if note is not None:
            self.notes.append(note)
        payload = getattr(report, ATTRIBUTE, None)
        if payload is None:
            self._failures_not_ours |= report.failed
            return
        verdict = Verdict.model_validate(payload["verdict"])
        key = tuple(payload[name] for name in ("suite", "model", "target", "kernels"))
        run = self._runs.setdefault(key, RunResult(*key))
        self._places[key] = payload["place"]
        run.verdicts[verdict.check] = verdict
        if payload["record"] is not None:
            run.record = RunRecord.model_validate(payload["record"])
        elif run.record is None:
            run.reason = verdict.reason
        if payload["host_only"] is not None:
            run.host_only = HostOnly.model_validate(payload["host_only"])
        self._failures_not_ours |= report.failed and verdict.status is not Status.ERROR
        if self._on_verdict is not None:
            self._on_verdict(run, verdict, payload["place"][-1])

    def runs(self) -> list[RunResult]:
        """All runs, in the order of the suites and their models, whichever worker was faster."""
        return [self._runs[key] for key in sorted(self._runs, key=lambda key: self._places[key])]

    @property
    def only_bench_errors(self) -> bool:
        """Whether everything that failed says nothing about a model."""
        statuses = {v.status for run in self.runs() for v in run.verdicts.values()}
        return Status.ERROR in statuses and not self._failures_not_ours
