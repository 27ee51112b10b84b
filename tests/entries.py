"""Entries of baselines, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hil.gate.entry import BaselineEntry
from hil.record import OperatorFigures, RunRecord
from hil.vocab import CounterUnit, Kind
from tests.outcomes import make_record

OPERATORS = (
    OperatorFigures(
        index=0,
        name="CONV_2D",
        output="c",
        shape=(1, 8, 8, 4),
        count=600,
        macs=60,
        weights_bytes=40,
    ),
    OperatorFigures(
        index=1, name="SOFTMAX", output="s", shape=(1, 10), count=350, macs=0, weights_bytes=0
    ),
)


def changed_record(
    metrics: dict[str, object] | None = None,
    subject: dict[str, object] | None = None,
    condition: dict[str, object] | None = None,
    **changes: object,
) -> RunRecord:
    """An emulated int8 run with these fields of its parts changed."""
    record = make_record(operators=OPERATORS)
    parts = {
        "metrics": record.metrics.model_copy(update=metrics or {}),
        "subject": record.subject.model_copy(update=subject or {}),
        "condition": record.condition.model_copy(update=condition or {}),
    }
    return make_record(**({"operators": OPERATORS} | parts | changes))


def make_entry(
    metrics: dict[str, object] | None = None,
    subject: dict[str, object] | None = None,
    condition: dict[str, object] | None = None,
    **changes: object,
) -> BaselineEntry:
    """The entry that such a run makes; changes may be of entry's fields too."""
    own = {name: changes.pop(name) for name in list(changes) if name not in RunRecord.model_fields}
    entry = BaselineEntry.of(changed_record(metrics, subject, condition, **changes))
    return entry.model_copy(update=own)


def hardware_record(latencies: Sequence[int], **changes: Any) -> RunRecord:
    """A run on a real board, of these cycles."""
    middle = sorted(latencies)[len(latencies) // 2]
    metrics: dict[str, object] = {
        "latency_median_instructions": None,
        "latency_min_instructions": None,
        "latency_median_cycles": float(middle),
        "latency_min_cycles": min(latencies),
    }
    return changed_record(
        metrics,
        condition={"counter_unit": CounterUnit.CYCLES},
        kind=Kind.HARDWARE,
        samples={"latency_cycles": tuple(latencies)},
        **changes,
    )


def hardware_entry(latencies: Sequence[int], **changes: Any) -> BaselineEntry:
    """The entry of such a run."""
    return BaselineEntry.of(hardware_record(latencies, **changes))
