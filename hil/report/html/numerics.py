"""How far the device's outputs are from each reference's, and what it takes for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10

from hil.comparison import Comparison, HistogramBin, TensorComparison
from hil.record import RunRecord, RunResult
from hil.report.html.chart import BLUE, Chart, chart
from hil.report.html.words import Shown, is_swept, run_name


@dataclass(frozen=True)
class ReferenceLine:
    """One output tensor against one reference; `bins` are the histogram in words."""

    reference: str
    label: str
    tensor: str
    differing: str
    beyond: str
    largest: str
    mean: Shown
    sqnr: Shown
    cosine: Shown
    flips: Shown
    bins: tuple[tuple[str, int], ...]
    bin_unit: str


@dataclass(frozen=True)
class ConfusionView:
    """Vectors by label (row) and answer (column); `share` of the row is 0 to 1."""

    rows: tuple[tuple[tuple[int, float], ...], ...]
    right: int
    total: int


@dataclass(frozen=True)
class NumericsView:
    """One run."""

    id: str
    name: str
    lines: tuple[ReferenceLine, ...]
    charts: tuple[Chart, ...]
    confusion: ConfusionView | None
    why_no_confusion: str


def numerics_views(runs: Sequence[RunResult]) -> list[NumericsView]:
    """One for each run with a result."""
    swept = is_swept(list(runs))
    return [
        _view(run.record, run_name(run, swept=swept), place)
        for place, run in enumerate(runs)
        if run.record is not None
    ]


def _view(record: RunRecord, name: str, place: int) -> NumericsView:
    lines, charts = [], []
    for number, (reference, comparison) in enumerate(record.comparisons.items()):
        for index, tensor in enumerate(comparison.tensors):
            lines.append(_line(reference, comparison, tensor))
            if tensor.differing_elements and tensor.histogram:
                id_ = f"numerics-{place}-{number}-{index}"
                charts.append(_histogram(id_, name, comparison, tensor))
    return NumericsView(
        id=f"num-{place}",
        name=name,
        lines=tuple(lines),
        charts=tuple(charts),
        confusion=_confusion(record),
        why_no_confusion=record.absent.get("confusion", ""),
    )


def _line(reference: str, comparison: Comparison, tensor: TensorComparison) -> ReferenceLine:
    is_integer = tensor.max_error_lsb is not None
    worst = tensor.max_abs_error
    mean = tensor.mean_error_lsb if is_integer else tensor.mean_error_real
    unit, why = " LSB" if is_integer else "", tensor.absent
    largest = "NaN or infinite" if worst is None else f"{worst:.3g}{unit}"
    return ReferenceLine(
        reference=reference,
        label=comparison.label,
        tensor=tensor.name,
        differing=f"{tensor.differing_elements:,} of {tensor.elements:,}",
        beyond=f"{tensor.beyond_bound_elements:,}",
        largest=largest if tensor.differing_elements else "equal",
        mean=Shown.of(mean, f".3g{unit}", why.get("mean_error_real", "")),
        sqnr=Shown.of(tensor.sqnr_db, ".1f dB", why.get("sqnr_db", "")),
        cosine=Shown.of(tensor.cosine_similarity, ".6f", why.get("cosine_similarity", "")),
        flips=Shown.of(tensor.argmax_flips, ",", why.get("argmax_flips", "")),
        bins=tuple((_range(each), each.count) for each in tensor.histogram),
        bin_unit=_bin_unit(tensor),
    )


def _bin_unit(tensor: TensorComparison) -> str:
    return "LSB" if tensor.max_error_lsb is not None else "ULP"


def _histogram(id_: str, name: str, comparison: Comparison, tensor: TensorComparison) -> Chart:
    unit = _bin_unit(tensor)
    counts = [each.count for each in tensor.histogram]
    return chart(
        id_,
        f"{name}: how far {tensor.name} is from {comparison.label}",
        [
            {
                "type": "bar",
                "x": [_range(each) for each in tensor.histogram],
                "y": counts,
                "marker": {"color": BLUE},
                "hovertemplate": "%{x} " + unit + ": %{y:,}<extra></extra>",
            }
        ],
        f"error, {unit}",
        "elements (logarithmic)",
        height=300,
        xaxis={"type": "category"},
        # From below 1, so that a single element has a bar.
        yaxis={"type": "log", "range": [log10(0.5), log10(max(counts) * 1.5)], "dtick": 1},
    )


def _range(each: HistogramBin) -> str:
    if each.low is None:
        return f"\u2264 {each.high}"
    if each.high is None:
        return f"\u2265 {each.low}"
    return f"{each.low}" if each.low == each.high else f"{each.low} to {each.high}"


def _confusion(record: RunRecord) -> ConfusionView | None:
    if record.confusion is None:
        return None
    matrix = record.confusion
    return ConfusionView(
        rows=tuple(tuple(_shares(row)) for row in matrix),
        right=sum(row[index] for index, row in enumerate(matrix)),
        total=sum(map(sum, matrix)),
    )


def _shares(row: Sequence[int]) -> Iterator[tuple[int, float]]:
    total = sum(row)
    for count in row:
        yield count, count / total if total else 0.0
