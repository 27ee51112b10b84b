"""Figures and names as the page writes them."""

from __future__ import annotations

from hil.record import RunRecord, RunResult
from hil.vocab import SHARES, Kind

ABSENT = "\u2013"
COMMIT_DIGITS = 12


def number(value: float | None) -> str:
    """With thousands separated; what is not there is a dash."""
    if value is None:
        return ABSENT
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"


def accuracy(value: float | None, metric: str | None) -> str:
    """Shares with four digits."""
    if value is None:
        return ABSENT
    return f"{value:.4f}" if metric in SHARES else f"{value:.5g}"


def run_name(run: RunResult, *, swept: bool) -> str:
    """A run for people; the kernel library where several are there."""
    return f"{run.model} ({run.kernels})" if swept else run.model


def is_swept(runs: list[RunResult]) -> bool:
    """Whether several kernel libraries are among the runs."""
    return len({run.kernels for run in runs}) > 1


def unit_of(record: RunRecord) -> str:
    """What the latency counts."""
    return record.condition.counter_unit.value


def counts_note(runs: list[RunResult]) -> str:
    """What must be said wherever counts of emulated boards are shown."""
    kinds = {run.record.kind for run in runs if run.record is not None}
    return "emulated: instruction counts, not time" if Kind.EMULATED in kinds else ""
