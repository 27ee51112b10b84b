"""How far the device's outputs are from each reference's, in a few lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from hil.comparison import Comparison, HistogramBin, TensorComparison, WorstVector
from hil.record import RunRecord


def numerics_lines(record: RunRecord) -> Iterator[str]:
    """One line per reference that is equal, three or so per output of one that is not."""
    for comparison in record.comparisons.values():
        if comparison.is_equal:
            yield f"{comparison.label}: all {comparison.elements:,} output elements equal"
            continue
        yield f"{comparison.label}: {_share(comparison)}"
        for tensor in comparison.tensors:
            if tensor.differing_elements:
                yield f"  {tensor.name}: {_errors(tensor)}"
                yield f"    {_histogram(tensor)}"
                yield f"    worst vectors: {_worst(tensor)}"


def _share(comparison: Comparison) -> str:
    beyond = comparison.beyond_bound_elements
    return (
        f"{comparison.differing_elements:,} of {comparison.elements:,} output elements differ, in "
        f"{comparison.differing_vectors:,} vectors; {beyond:,} by more than the bound"
    )


def _errors(tensor: TensorComparison) -> str:
    parts = []
    if tensor.non_finite_elements:
        parts.append(f"{tensor.non_finite_elements} NaN or infinite on one side")
    if tensor.max_error_lsb is not None:
        parts.append(f"at most {tensor.max_error_lsb} LSB, mean {tensor.mean_error_lsb:.3g} LSB")
    if tensor.max_error_real is not None:
        parts.append(f"at most {tensor.max_error_real:.3g}, mean {tensor.mean_error_real:.3g}")
    if tensor.sqnr_db is not None:
        parts.append(f"SQNR {tensor.sqnr_db:.1f} dB")
    if tensor.cosine_similarity is not None:
        parts.append(f"cosine {tensor.cosine_similarity:.6f}")
    if tensor.argmax_flips is not None:
        parts.append(f"highest element changed in {tensor.argmax_flips:,} vectors")
    return "; ".join(parts)


def _histogram(tensor: TensorComparison) -> str:
    unit = "LSB" if tensor.max_error_lsb is not None else "ULP"
    return f"{unit}: " + ", ".join(f"{_range(bar)}: {bar.count:,}" for bar in tensor.histogram)


def _range(bar: HistogramBin) -> str:
    if bar.low is None:
        return f"<= {bar.high}"
    if bar.high is None:
        return f">= {bar.low}"
    return str(bar.low) if bar.low == bar.high else f"{bar.low}..{bar.high}"


def _worst(tensor: TensorComparison) -> str:
    return ", ".join(f"{worst.index} ({_size(worst)})" for worst in tensor.worst)


def _size(worst: WorstVector) -> str:
    return "NaN or infinite" if worst.max_abs_error is None else f"{worst.max_abs_error:.3g}"
