"""Each suite's schemes side by side, and what is worth choosing among."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.checks.agreement import DEVICE
from hil.checks.paired import wilson_interval
from hil.checks.schemes import SchemeComparison, SchemeRow, compare_schemes, latency_of
from hil.record import RunRecord, RunResult
from hil.report.html.chart import AMBER, BLUE, GREY, Chart, Trace, chart, plain
from hil.report.html.words import ABSENT, Shown, accuracy, counts_note, number, unit_of
from hil.report.unsupported import is_unsupported, unsupported_text
from hil.vocab import SHARES

PARETO = "Pareto"
SMALLEST, LARGEST = 12.0, 44.0  # diameters of markers


@dataclass(frozen=True)
class SchemeLine:
    """A row of the table; `why` says why there is no result, `is_pareto_by_estimate` holds only if
    accuracies count as they came out.
    """

    name: str
    scheme: str
    status: str
    accuracy: str
    drop: Shown
    interval: Shown
    p_value: str
    verdict: str
    latency: str
    arena: str
    flash: str
    is_pareto: bool
    is_pareto_by_estimate: bool
    why: str


@dataclass(frozen=True)
class SchemesView:
    """One suite on one target."""

    title: str
    unit: str
    metric: str
    note: str
    unsupported: str
    lines: tuple[SchemeLine, ...]
    charts: tuple[Chart, ...]


def scheme_views(runs: Sequence[RunResult]) -> list[SchemesView]:
    """One for each suite and target, kinds apart."""
    return [
        _view(comparison, place)
        for place, comparison in enumerate(compare_schemes(runs))
        if any(row.run.record is not None for row in comparison.rows)
    ]


def _view(comparison: SchemeComparison, place: int) -> SchemesView:
    records = [row.run.record for row in comparison.rows if row.run.record is not None]
    unit, metric = unit_of(records[0]), records[0].accuracy_metric or "accuracy"
    title = f"{comparison.suite or 'own models'} on {comparison.target}"
    drawn = [row for row in comparison.rows if _is_drawn(row)]
    charts = (_pareto(f"schemes-{place}", title, metric, unit, drawn),) if drawn else ()
    return SchemesView(
        title=title,
        unit=unit,
        metric=metric,
        note=counts_note([row.run for row in comparison.rows]),
        unsupported=unsupported_text([row.run for row in comparison.rows]),
        lines=tuple(_line(row) for row in comparison.rows if not is_unsupported(row.run)),
        charts=charts,
    )


def _line(row: SchemeRow) -> SchemeLine:
    run, record = row.run, row.run.record
    metrics = record.metrics if record is not None else None
    metric = record.accuracy_metric if record is not None else None
    drop, interval, p_value, verdict = _drop(row, metric)
    return SchemeLine(
        name=run.model,
        scheme=run.scheme.value if run.scheme is not None else ABSENT,
        status=run.status.value,
        accuracy=accuracy(metrics.accuracy_device, metric) if metrics else _host_accuracy(run),
        drop=drop,
        interval=interval,
        p_value=p_value,
        verdict=verdict,
        latency=number(latency_of(metrics)) if metrics else ABSENT,
        arena=number(metrics.arena_used_bytes) if metrics else ABSENT,
        flash=number(metrics.flash_bytes) if metrics else ABSENT,
        is_pareto=bool(row.is_pareto),
        is_pareto_by_estimate=bool(row.is_pareto_by_estimate),
        why=run.reason.splitlines()[0] if record is None and run.reason else "",
    )


def _host_accuracy(run: RunResult) -> str:
    score = run.host_only.same_vectors if run.host_only is not None else None
    if score is None or score.value is None:
        return ABSENT
    return f"{accuracy(score.value, score.metric)} (LiteRT on the host)"


def _drop(row: SchemeRow, metric: str | None) -> tuple[Shown, Shown, str, str]:
    """Drop, interval, p, and what they mean together."""
    drop = row.drop
    if drop is None:
        if row.is_baseline:
            return Shown(ABSENT), Shown(""), "", "compared with"
        return Shown(ABSENT, row.drop_absent), Shown(""), "", ""
    factor, form, unit = (100.0, "+.2f", " points") if metric in SHARES else (1.0, "+.3g", "")
    interval = Shown(ABSENT, drop.reason)
    if drop.interval is not None:
        low, high = drop.interval.low * factor, drop.interval.high * factor
        interval = Shown(f"{low:{form}} to {high:{form}}")
    p_value = "" if drop.p_value is None else f"{drop.p_value:.2g}"
    meaning = "distinguishable" if drop.is_distinguishable else "not distinguishable"
    return Shown(f"{drop.value * factor:{form}}{unit}"), interval, p_value, meaning


# ---- the chart


def _is_drawn(row: SchemeRow) -> bool:
    metrics = row.run.record.metrics if row.run.record is not None else None
    return (
        metrics is not None
        and metrics.accuracy_device is not None
        and latency_of(metrics) is not None
        and metrics.arena_used_bytes is not None
    )


def _pareto(id_: str, title: str, metric: str, unit: str, rows: Sequence[SchemeRow]) -> Chart:
    """Accuracy with its interval against latency; the area of a marker is the arena."""
    places = [_latency(row.run.record) for row in rows if row.run.record]
    middle = (min(places) + max(places)) / 2
    largest = max(row.run.record.metrics.arena_used_bytes or 0 for row in rows if row.run.record)
    traces: list[Trace] = []
    for is_pareto, name, colour in ((True, PARETO, BLUE), (False, "dominated", GREY)):
        chosen = [row for row in rows if bool(row.is_pareto) is is_pareto]
        if chosen:
            traces.append(_points(chosen, name, colour, unit, largest, middle))
    intervals = " Bars: Wilson's 95 % interval." if metric in SHARES else ""
    label = f"{title}: {metric} against latency; the area of a marker is the arena.{intervals}"
    return chart(id_, label, traces, f"latency, {unit} (median)", metric)


def _latency(record: RunRecord) -> float:
    return latency_of(record.metrics) or 0.0


def _points(
    rows: Sequence[SchemeRow], name: str, colour: str, unit: str, largest: int, middle: float
) -> Trace:
    records = [row.run.record for row in rows if row.run.record is not None]
    values = [record.metrics.accuracy_device or 0.0 for record in records]
    sizes = [((record.metrics.arena_used_bytes or 0) / largest) ** 0.5 for record in records]
    mark = "\u2605 " if name == PARETO else ""
    trace: Trace = {
        "type": "scatter",
        "mode": "markers+text",
        "name": name,
        "x": list(map(_latency, records)),
        "y": values,
        "text": [mark + plain(record.scheme.value) for record in records],
        # Beside the bar of the interval, and within the chart.
        "textposition": [
            "middle left" if x > middle else "middle right" for x in map(_latency, records)
        ],
        "marker": {
            "size": [SMALLEST + (LARGEST - SMALLEST) * size for size in sizes],
            "color": colour,
            "opacity": 0.75,
            "line": {"width": 1, "color": AMBER if name == PARETO else colour},
        },
        "customdata": [
            [plain(record.model), f"{record.metrics.arena_used_bytes:,}"] for record in records
        ],
        "hovertemplate": "%{customdata[0]}<br>%{y:.4f}<br>%{x:,.0f} "
        + unit
        + "<br>arena %{customdata[1]} bytes<extra></extra>",
    }
    intervals = list(_intervals(records))
    if all(interval is not None for interval in intervals):
        known = [i for i in intervals if i is not None]
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [high - value for value, (_, high) in zip(values, known, strict=True)],
            "arrayminus": [value - low for value, (low, _) in zip(values, known, strict=True)],
            "thickness": 1,
            "color": colour,
        }
    return trace


def _intervals(records: Sequence[RunRecord]) -> Iterator[tuple[float, float] | None]:
    """Wilson's interval of each share; None for other metrics."""
    for record in records:
        parts = (record.samples.accuracy_parts or {}).get(DEVICE)
        if record.accuracy_metric not in SHARES or not parts:
            yield None
            continue
        interval = wilson_interval(int(sum(parts)), len(parts))
        yield interval.low, interval.high
