"""Holds a run to its limits: one verdict per check."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hil.checks.agreement import DEVICE, NOT_ASKED_FOR
from hil.comparison import Comparison, TensorComparison, WorstVector
from hil.outcome import Outcome
from hil.record import RunRecord, Verdict
from hil.reference.reference import ORACLES, ReferenceName
from hil.suite import Checks, Metric
from hil.vocab import CheckName, Kind, Status


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
    check, found = CheckName.OUTPUTS, _against_oracle(outcome)
    if found is None:
        failed = next((e for n, e in outcome.reference_errors.items() if n in ORACLES), None)
        if failed is not None:
            return _verdict(check, Status.ERROR, str(failed))
        names = " or ".join(ORACLES)
        return _verdict(check, Status.SKIP, f"no reference to judge by: {names} {NOT_ASKED_FOR}")
    nan_elements = _nan_elements(outcome)
    if nan_elements:
        reason = f"{nan_elements:,} of {found.elements:,} output elements are NaN"
        same = f", as those of {found.label}" if found.is_equal else ""
        return _verdict(check, Status.FAIL, f"{reason}{same}: not a number is no result")
    limits = _output_limits(found, tolerance)
    worst = found.max_abs_error
    if tolerance is not None:
        is_close = worst is not None and worst <= tolerance
    else:
        is_close = found.beyond_bound_elements == 0
    if not is_close:
        return _verdict(check, Status.FAIL, _difference(found, limits), **limits)
    reason = f"all {found.elements:,} output elements equal {found.label}"
    if not found.is_equal:
        reason = (
            f"{found.elements:,} output elements within {_in_words(limits)} of {found.label}, "
            f"at most {worst:.3g} away"
        )
    return _verdict(check, Status.PASS, reason, **limits)


def _nan_elements(outcome: Outcome) -> int:
    """How many elements of the device's outputs are not a number."""
    return sum(int(np.isnan(array).sum()) for array in outcome.outputs if array.dtype.kind == "f")


def oracle_of(outcome: Outcome) -> ReferenceName | None:
    """The reference that outputs are judged by, None when the run has none that could be."""
    oracle = outcome.record.oracle
    return ReferenceName(oracle) if oracle is not None else None


def _against_oracle(outcome: Outcome) -> Comparison | None:
    oracle = outcome.record.oracle
    return outcome.record.comparisons[oracle] if oracle is not None else None


def _output_limits(found: Comparison, tolerance: float | None) -> dict[str, float | int | None]:
    """The suite's tolerance, or the widest bound of the outputs."""
    if tolerance is not None:
        return {"tolerance": tolerance}
    return {
        "bound_absolute": max(tensor.bound_absolute for tensor in found.tensors),
        "bound_relative": max(tensor.bound_relative for tensor in found.tensors),
    }


def _in_words(limits: Mapping[str, float | int | None]) -> str:
    if "tolerance" in limits:
        return f"{limits['tolerance']:g}"
    return f"{limits['bound_relative']:.2g} x the largest output (or {limits['bound_absolute']:g})"


def _difference(found: Comparison, limits: Mapping[str, float | int | None]) -> str:
    """How much differs, where most, and what it does to the result."""
    beyond = [t for t in found.tensors if t.beyond_bound_elements] or list(found.tensors)
    tensor = max(beyond, key=lambda t: t.worst[0].rank() if t.worst else 0.0)
    than = f", more than {_in_words(limits)}" if any(limits.values()) else ""
    text = (
        f"{found.differing_elements:,} of {found.elements:,} output elements differ from "
        f"{found.label}, in {found.differing_vectors} vectors, by up to "
        f"{_worst_error(tensor)}{than}"
    )
    places = ", ".join(f"{w.index} (by {_error(w)})" for w in tensor.worst)
    text += f"\nworst vectors of output {tensor.name!r}: {places}"
    if tensor.argmax_flips is not None:
        text += f"\nits highest element is another one in {tensor.argmax_flips} vectors"
    return text


def _worst_error(tensor: TensorComparison) -> str:
    if tensor.max_abs_error is None:
        return f"NaN or infinity ({tensor.non_finite_elements} elements)"
    unit = " LSB" if tensor.max_error_lsb is not None else ""
    return f"{tensor.max_abs_error:.6g}{unit}"


def _error(worst: WorstVector) -> str:
    return "NaN or infinity" if worst.max_abs_error is None else f"{worst.max_abs_error:.3g}"


def _accuracy(outcome: Outcome, limits: Checks, metric: Metric | None) -> Verdict:
    check = CheckName.ACCURACY
    if metric is None:
        return _verdict(check, Status.SKIP, "the suite names no metric")
    error = outcome.accuracy_errors.get(DEVICE)
    if error is not None:
        return _verdict(check, Status.ERROR, str(error))
    value = outcome.record.metrics.accuracy_device
    assert value is not None
    low, high = limits.accuracy.min, limits.accuracy.max
    said = f"{metric.name} {value:.4f} over {_scored(outcome.record, metric)}"
    if low is None and high is None:
        return _verdict(check, Status.NEW, f"{said}; no limit")
    if low is not None and value < low:
        return _verdict(check, Status.FAIL, f"{said} is below {low:g}", min=low, max=high)
    if high is not None and value > high:
        return _verdict(check, Status.FAIL, f"{said} is above {high:g}", min=low, max=high)
    return _verdict(check, Status.PASS, said, min=low, max=high)


def _scored(record: RunRecord, metric: Metric) -> str:
    """What the metric was computed over."""
    parts = (record.samples.accuracy_parts or {}).get(DEVICE)
    if parts is None or len(parts) == record.metrics.vectors:
        return f"{record.metrics.vectors} vectors"
    of_each = {"last": "last step", "mean": "mean"}[metric.over]
    return f"{len(parts)} sequences ({of_each} of each)"


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
    if metrics.latency_impossible_samples:
        said += (
            f" ({metrics.latency_impossible_samples} of {metrics.latency_samples} samples are "
            "impossible and left out)"
        )
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
