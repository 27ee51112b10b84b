"""Holds a run to its limits: one verdict per check."""

from __future__ import annotations

from hil.measure import Outcome
from hil.record import Metrics, RunRecord, Verdict
from hil.reference.reference import ReferenceName
from hil.suite import Checks, Metric
from hil.vocab import CheckName, Kind, Status

# float32 on a Cortex-M7 differs from the host by fused or reordered additions and by libm: some
# units in the last place of values around 1. Two orders of magnitude above what was measured.
DEFAULT_FLOAT_TOLERANCE = 1e-5


def judge(check: CheckName, outcome: Outcome, limits: Checks, metric: Metric | None) -> Verdict:
    """The verdict of `check`."""
    match check:
        case CheckName.OUTPUTS:
            return _outputs(outcome, limits.outputs.tolerance)
        case CheckName.ACCURACY:
            return _accuracy(outcome, limits, metric)
        case CheckName.LATENCY:
            return _latency(outcome.record, limits)
        case CheckName.ARENA:
            return _size(check, "arena", outcome.record.metrics.arena_used_bytes, limits)
        case CheckName.FLASH:
            return _size(check, "flash", outcome.record.metrics.flash_bytes, limits)


def _verdict(
    check: CheckName, status: Status, reason: str, **limits: float | int | None
) -> Verdict:
    return Verdict(check=check, status=status, reason=reason, limits=limits)


def _outputs(outcome: Outcome, tolerance: float | None) -> Verdict:
    error = outcome.reference_errors.get(ReferenceName.TFLM)
    if error is not None:
        return _verdict(CheckName.OUTPUTS, Status.ERROR, str(error))
    metrics = outcome.record.metrics
    is_float = all(array.dtype.kind == "f" for array in outcome.outputs)
    allowed = tolerance if tolerance is not None else DEFAULT_FLOAT_TOLERANCE if is_float else 0.0
    worst = metrics.outputs_max_abs_error or 0.0
    label = outcome.references[ReferenceName.TFLM].label
    if worst <= allowed:
        reason = f"all {metrics.outputs_elements:,} output elements equal {label}"
        if metrics.outputs_differing_elements:
            reason = (
                f"{metrics.outputs_elements:,} output elements within {allowed:g} of {label}, "
                f"at most {worst:.3g} away"
            )
        return _verdict(CheckName.OUTPUTS, Status.PASS, reason, tolerance=allowed)
    difference = _difference(metrics, label, allowed)
    return _verdict(CheckName.OUTPUTS, Status.FAIL, difference, tolerance=allowed)


def _difference(metrics: Metrics, label: str, allowed: float) -> str:
    than = f", more than the tolerance of {allowed:g}" if allowed else ""
    return (
        f"{metrics.outputs_differing_elements:,} of {metrics.outputs_elements:,} output elements "
        f"differ from {label}, in {metrics.outputs_differing_vectors} vectors, "
        f"by up to {metrics.outputs_max_abs_error:.6g} "
        f"(vector {metrics.outputs_worst_vector}){than}"
    )


def _accuracy(outcome: Outcome, limits: Checks, metric: Metric | None) -> Verdict:
    check = CheckName.ACCURACY
    if metric is None:
        return _verdict(check, Status.SKIP, "the suite names no metric")
    error = outcome.accuracy_errors.get("accuracy_device")
    if error is not None:
        return _verdict(check, Status.ERROR, str(error))
    value = outcome.record.metrics.accuracy_device
    assert value is not None
    low, high = limits.accuracy.min, limits.accuracy.max
    said = f"{metric.name} {value:.4f} over {outcome.record.metrics.vectors} vectors"
    if low is None and high is None:
        return _verdict(check, Status.NEW, f"{said}; no limit")
    if low is not None and value < low:
        return _verdict(check, Status.FAIL, f"{said} is below {low:g}", min=low, max=high)
    if high is not None and value > high:
        return _verdict(check, Status.FAIL, f"{said} is above {high:g}", min=low, max=high)
    return _verdict(check, Status.PASS, said, min=low, max=high)


def _latency(record: RunRecord, limits: Checks) -> Verdict:
    check, metrics = CheckName.LATENCY, record.metrics
    limit: float | None
    if record.kind is Kind.EMULATED:
        value, limit = metrics.latency_median_instructions, limits.latency.max_instructions
        unit, other = "instructions", limits.latency.max_ms
    else:
        value, limit = metrics.latency_median_ms, limits.latency.max_ms
        unit, other = "ms", limits.latency.max_instructions
    assert value is not None
    said = f"median {value:,.0f} {unit}" if unit == "instructions" else f"median {value:.3f} {unit}"
    if limit is None:
        why = f"no limit in {unit}"
        if other is not None:
            other_unit = "ms" if unit == "instructions" else "instructions"
            why += f" (the limit of {other:,g} {other_unit} is for the other kind of board)"
        return _verdict(check, Status.NEW, f"{said}; {why}")
    status = Status.PASS if value <= limit else Status.FAIL
    relation = "within" if status is Status.PASS else "above"
    return _verdict(check, status, f"{said}, {relation} {limit:,} {unit}", **{f"max_{unit}": limit})


def _size(check: CheckName, noun: str, value: int | None, limits: Checks) -> Verdict:
    limit = getattr(limits, check.value).max_bytes
    assert value is not None
    if limit is None:
        return _verdict(check, Status.NEW, f"{noun} {value:,} bytes; no limit")
    status = Status.PASS if value <= limit else Status.FAIL
    relation = "within" if status is Status.PASS else "above"
    return _verdict(
        check, status, f"{noun} {value:,} bytes, {relation} {limit:,} bytes", max_bytes=limit
    )
