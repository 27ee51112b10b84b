"""How far the device's outputs are from each reference's, and what it takes for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.comparison import Comparison, HistogramBin, TensorComparison
from hil.record import RunRecord, RunResult
from hil.report.html.chart import BLUE, Chart, chart, plain
from hil.report.html.words import ABSENT, is_swept, run_name


@dataclass(frozen=True)
class ReferenceLine:
    """One output tensor against one reference."""

    reference: str
    label: str
    tensor: str
    differing: str
    beyond: str
    largest: str
    mean: str
    sqnr: str
    cosine: str
    flips: str


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
    unit = " LSB" if is_integer else ""
    largest = "NaN or infinite" if worst is None else f"{worst:.3g}{unit}"
    return ReferenceLine(
        reference=reference,
        label=comparison.label,
        tensor=tensor.name,
        differing=f"{tensor.differing_elements:,} of {tensor.elements:,}",
        beyond=f"{tensor.beyond_bound_elements:,}",
        largest=largest if tensor.differing_elements else "equal",
        mean=ABSENT if mean is None else f"{mean:.3g}{unit}",
        sqnr=ABSENT if tensor.sqnr_db is None else f"{tensor.sqnr_db:.1f} dB",
        cosine=ABSENT if tensor.cosine_similarity is None else f"{tensor.cosine_similarity:.6f}",
        flips=ABSENT if tensor.argmax_flips is None else f"{tensor.argmax_flips:,}",
    )


def _histogram(id_: str, name: str, comparison: Comparison, tensor: TensorComparison) -> Chart:
    unit = "LSB" if tensor.max_error_lsb is not None else "ULP"
    counts = [each.count for each in tensor.histogram]
    return chart(
        id_,
        f"{name}, {tensor.name} against {comparison.label}: how many elements differ by how much",
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
        title={"text": plain(f"{tensor.name} against {comparison.label}"), "font": {"size": 14}},
        xaxis={"type": "category"},
        yaxis={"type": "log"},
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
