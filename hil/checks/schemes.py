"""A suite's schemes against its float32 model: what each costs in accuracy, and what it brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hil.checks.agreement import DEVICE
from hil.checks.metrics import combine
from hil.checks.paired import (
    Interval,
    PairedCounts,
    bootstrap_interval,
    mcnemar_mid_p,
    newcombe_interval,
)
from hil.record import Metrics, RunRecord, RunResult
from hil.tflm.kernels import library_rank
from hil.vocab import SHARES, Better, Kind, Scheme


@dataclass(frozen=True)
class Drop:
    """How much worse a model is than another on the same `n` vectors, in the metric's own unit.

    Negative is better, whichever way the metric improves. `interval` is of 95 %, None where
    `reason` says why; `p_value` is McNemar's, of shares alone.
    """

    value: float
    n: int
    interval: Interval | None
    p_value: float | None = None
    reason: str = ""

    @property
    def is_distinguishable(self) -> bool:
        """Whether the interval leaves out 0. Without an interval it does not."""
        return self.interval is not None and 0.0 not in self.interval


@dataclass(frozen=True)
class SchemeRow:
    """A run in the comparison. `drop` is None where `drop_absent` says why.

    `is_pareto`: no other row is better in one of accuracy, latency, arena and flash and not worse
    in the others, where accuracies that are not distinguishable are equal.
    `is_pareto_by_estimate`: the same with accuracies as they came out. None without a result.
    """

    run: RunResult
    drop: Drop | None
    drop_absent: str
    is_baseline: bool
    is_pareto: bool | None
    is_pareto_by_estimate: bool | None


@dataclass(frozen=True)
class SchemeComparison:
    """One suite on one target; `kind` is None when nothing was measured."""

    suite: str | None
    target: str
    kind: Kind | None
    rows: tuple[SchemeRow, ...]


def compare_schemes(runs: Sequence[RunResult]) -> list[SchemeComparison]:
    """One comparison per suite and target. Kinds are never mixed.

    The order is that of the names, and of the schemes within a suite: the same however the runs
    came in.
    """
    comparisons = []
    runs = sorted(runs, key=_order)
    for suite, target in dict.fromkeys((run.suite, run.target) for run in runs):
        chosen = [run for run in runs if (run.suite, run.target) == (suite, target)]
        kinds = dict.fromkeys(run.record.kind for run in chosen if run.record is not None)
        for kind in kinds or [None]:
            same = [run for run in chosen if run.record is None or run.record.kind is kind]
            comparisons.append(SchemeComparison(suite, target, kind, _rows(same)))
    return comparisons


def _order(run: RunResult) -> tuple[object, ...]:
    schemes = list(Scheme)
    place = schemes.index(run.scheme) if run.scheme is not None else len(schemes)
    return (
        run.suite or "",
        run.target,
        place,
        run.model,
        library_rank(run.kernels),
    )


def _rows(runs: Sequence[RunResult]) -> tuple[SchemeRow, ...]:
    rows = []
    measured = [run.record for run in runs if run.record is not None]
    for run in runs:
        baseline = _baseline(run, runs)
        drop, absent = _drop_against(run.record, baseline)
        rows.append(
            SchemeRow(
                run=run,
                drop=drop,
                drop_absent=absent,
                is_baseline=run.record is not None and run.record is baseline,
                is_pareto=_is_pareto(run.record, measured, by_estimate=False),
                is_pareto_by_estimate=_is_pareto(run.record, measured, by_estimate=True),
            )
        )
    return tuple(rows)


def _baseline(run: RunResult, runs: Sequence[RunResult]) -> RunRecord | None:
    """The first float32 model that ran, by name, with the same kernels."""
    return next(
        (
            other.record
            for other in runs
            if other.record is not None
            and other.kernels == run.kernels
            and other.record.scheme is Scheme.FLOAT32
        ),
        None,
    )


def _drop_against(record: RunRecord | None, baseline: RunRecord | None) -> tuple[Drop | None, str]:
    if record is None:
        return None, "not measured"
    if baseline is None:
        return None, "no float32 model was measured"
    if record is baseline:
        return None, "this is what the others are held against"
    return drop(baseline, record)


def drop(first: RunRecord, second: RunRecord) -> tuple[Drop | None, str]:
    """How much worse the device's accuracy of `second` is than that of `first`, or why there is no
    such thing. Both must have seen the same vectors.
    """
    before, after = first.metrics.accuracy_device, second.metrics.accuracy_device
    for record, value in ((first, before), (second, after)):
        if value is None:
            return None, record.absent.get("accuracy_device", "no accuracy")
    if not _is_same_data(first, second):
        return None, "not measured on the same vectors with the same metric"
    assert before is not None and after is not None
    sign = _sign(first)
    parts = _device_parts(first), _device_parts(second)
    n = first.metrics.vectors if parts[0] is None else len(parts[0])
    if parts[0] is None or parts[1] is None:
        reason = f"{first.accuracy_metric} is one number for all vectors: nothing to pair"
        return Drop(sign * (before - after), n, None, reason=reason), ""
    if first.accuracy_metric in SHARES:
        counts = PairedCounts.of(parts[0].tolist(), parts[1].tolist())
        return Drop(counts.difference, n, newcombe_interval(counts), mcnemar_mid_p(counts)), ""
    interval = _bootstrap(first, parts[0], parts[1], sign)
    reason = "" if interval is not None else "no resample has both labels"
    return Drop(sign * (before - after), n, interval, reason=reason), ""


def _is_same_data(first: RunRecord, second: RunRecord) -> bool:
    digest = first.condition.source_sha256
    return (
        digest is not None
        and digest == second.condition.source_sha256
        and first.metrics.vectors == second.metrics.vectors
        and first.accuracy_metric == second.accuracy_metric
    )


def _sign(record: RunRecord) -> float:
    """What turns first - second into a loss."""
    return -1.0 if record.accuracy_better is Better.LOWER else 1.0


def _device_parts(record: RunRecord) -> npt.NDArray[np.float64] | None:
    parts = (record.samples.accuracy_parts or {}).get(DEVICE)
    return None if parts is None else np.array(parts)


def _bootstrap(
    record: RunRecord,
    first: npt.NDArray[np.float64],
    second: npt.NDArray[np.float64],
    sign: float,
) -> Interval | None:
    name, given = record.accuracy_metric or "", record.samples.accuracy_labels
    labels = None if given is None else np.array(given, bool)

    def difference(chosen: npt.NDArray[np.int64]) -> float | None:
        picked = None if labels is None else labels[chosen]
        if picked is not None and picked.all() == picked.any():
            return None  # one label only: there is no area under that curve
        before = combine(name, first[chosen], picked)
        return sign * (before - combine(name, second[chosen], picked))

    return bootstrap_interval(difference, len(first))


# ---- Pareto


def _is_pareto(
    record: RunRecord | None, others: Sequence[RunRecord], *, by_estimate: bool
) -> bool | None:
    """Whether nothing dominates it; None when one of the four figures is missing."""
    if record is None or _costs(record.metrics) is None:
        return None
    if record.metrics.accuracy_device is None:
        return None
    return not any(
        _dominates(other, record, by_estimate=by_estimate)
        for other in others
        if other is not record
    )


def _dominates(first: RunRecord, second: RunRecord, *, by_estimate: bool) -> bool:
    """Whether the first is better in something and worse in nothing."""
    costs, other_costs = _costs(first.metrics), _costs(second.metrics)
    if costs is None or other_costs is None:
        return False
    pairs = list(zip(costs, other_costs, strict=True))
    if any(ours > theirs for ours, theirs in pairs):
        return False
    loss = _loss(second, first, by_estimate=by_estimate)
    if loss is None or loss > 0:
        return False
    return loss < 0 or any(ours < theirs for ours, theirs in pairs)


def _loss(first: RunRecord, second: RunRecord, *, by_estimate: bool) -> float | None:
    """The accuracy lost by taking the second: 0 when it cannot be told from chance, as it came out
    when there is no interval; None when the two cannot be compared.
    """
    before, after = first.metrics.accuracy_device, second.metrics.accuracy_device
    if before is None or after is None or not _is_same_data(first, second):
        return None
    if by_estimate:
        return _sign(first) * (before - after)
    found, _ = drop(first, second)
    if found is None:
        return None
    is_equal = found.interval is not None and not found.is_distinguishable
    return 0.0 if is_equal else found.value


def latency_of(metrics: Metrics) -> float | None:
    """Instructions or cycles, whichever the board counts."""
    if metrics.latency_median_instructions is not None:
        return metrics.latency_median_instructions
    return metrics.latency_median_cycles


def _costs(metrics: Metrics) -> tuple[float, float, float] | None:
    latency, arena, flash = latency_of(metrics), metrics.arena_used_bytes, metrics.flash_bytes
    if latency is None or arena is None or flash is None:
        return None
    return latency, arena, flash
