"""One entry of a baseline: what a run was, kept to hold later ones against."""

from __future__ import annotations

from hil.frozen import Record
from hil.record import Condition, Metrics, OperatorFigures, RunRecord, Samples, Subject
from hil.vocab import Better, CounterUnit, Kind, Scheme

# Figures of this host and this night: nothing to hold another night against.
NOT_KEPT = frozenset({"host_litert_latency_median_us", "counter_rate_hz", "link_retransmissions"})


class BaselineEntry(Record):
    """A run that passed, without what changes every night.

    `samples` are the latencies in cycles of a real board, whose median has noise; None on emulated
    ones, where counts are exact.
    """

    suite: str | None
    model: str
    scheme: Scheme
    target: str
    kind: Kind
    kernels: str
    run_id: str
    started_utc: str
    accuracy_metric: str | None = None
    accuracy_better: Better | None = None
    subject: Subject
    condition: Condition
    metrics: Metrics
    operators: tuple[OperatorFigures, ...] | None = None
    kernel_flash_bytes: dict[str, int] = {}
    outputs_max_lsb: int | None = None
    samples: tuple[int, ...] | None = None

    @property
    def counter_unit(self) -> CounterUnit:
        """What its latency counts."""
        return self.condition.counter_unit

    @classmethod
    def of(cls, record: RunRecord) -> BaselineEntry:
        """The entry that a run makes."""
        oracle = record.comparisons.get(record.oracle or "")
        return cls(
            suite=record.suite,
            model=record.model,
            scheme=record.scheme,
            target=record.target,
            kind=record.kind,
            kernels=record.kernels,
            run_id=record.run_id,
            started_utc=record.started_utc,
            accuracy_metric=record.accuracy_metric,
            accuracy_better=record.accuracy_better,
            subject=record.subject,
            condition=record.condition,
            metrics=record.metrics.model_copy(update=dict.fromkeys(NOT_KEPT)),
            operators=record.operators,
            kernel_flash_bytes=record.kernel_flash_bytes,
            outputs_max_lsb=oracle.max_error_lsb if oracle is not None else None,
            samples=_possible(record.samples),
        )


def _possible(samples: Samples) -> tuple[int, ...] | None:
    """Latencies in cycles without those that the counter cannot have counted, as in the metrics."""
    if samples.latency_cycles is None:
        return None
    left_out = set(samples.latency_impossible or ())
    return tuple(c for i, c in enumerate(samples.latency_cycles) if i not in left_out)
