"""Night after night: each key's figures over time, with its baselines and commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hil.gate.change import Held
from hil.report.html.words import COMMIT_DIGITS, commit_text, visible
from hil.store.history import HistoryPoint
from hil.vocab import Kind, Status

METRICS = {
    "latency": "latency",
    "arena_bytes": "arena, bytes",
    "flash_bytes": "flash, bytes",
    "accuracy": "accuracy",
}
BAD = (Status.FAIL, Status.ERROR)


@dataclass(frozen=True)
class HistoryLine:
    """The newest points, for who reads without scripts."""

    started: str
    name: str
    status: str
    commit: str
    latency: str
    arena: str
    flash: str
    accuracy: str


@dataclass(frozen=True)
class HistoryView:
    """Series for report.js, and the newest runs as a table."""

    keys: tuple[str, ...]
    metrics: tuple[tuple[str, str], ...]
    data: dict[str, Any]
    lines: tuple[HistoryLine, ...]
    count: int


MOST_LINES = 30


def history_view(points: Sequence[HistoryPoint], held: Held | None) -> HistoryView:
    """All points by key: never several kinds in one line."""
    baselines = {entry.run_id for entry in held.entries.values()} if held is not None else set()
    series: dict[str, list[HistoryPoint]] = {}
    for point in reversed(points):
        if point.kind is not None:
            series.setdefault(_key(point), []).append(point)
    names = sorted(series)
    data = {
        "keys": [
            {"name": name, "unit": _unit(series[name][0]), **_series(series[name], baselines)}
            for name in names
        ],
        "metrics": [{"field": field, "title": title} for field, title in METRICS.items()],
    }
    lines = tuple(_line(point) for point in points[:MOST_LINES])
    return HistoryView(tuple(names), tuple(METRICS.items()), data, lines, len(points))


def _key(point: HistoryPoint) -> str:
    suite = f"{point.suite}: " if point.suite else ""
    kind = point.kind.value if point.kind is not None else ""
    return f"{suite}{point.model} on {point.target}, {point.kernels}, {kind}"


def _unit(point: HistoryPoint) -> str:
    return "instructions (not time)" if point.kind is Kind.EMULATED else "cycles"


def _series(points: Sequence[HistoryPoint], baselines: set[str]) -> dict[str, Any]:
    return {
        "x": [point.started_utc[:19].replace("T", " ") for point in points],
        "commit": [visible(commit_text(point.source_commit)) for point in points],
        "build": [visible((point.build_id or "")[:COMMIT_DIGITS]) for point in points],
        "run": [visible(point.run_id) for point in points],
        "status": [point.status.value if point.status else "not judged" for point in points],
        "bad": [point.status in BAD for point in points],
        "baseline": [point.run_id in baselines for point in points],
        **{field: [getattr(point, field) for point in points] for field in METRICS},
    }


def _line(point: HistoryPoint) -> HistoryLine:
    def text(value: float | None, form: str = ",.0f") -> str:
        return "\u2013" if value is None else f"{value:{form}}"

    return HistoryLine(
        started=point.started_utc[:16].replace("T", " "),
        name=f"{point.model} on {point.target}",
        status=point.status.value if point.status else "not judged",
        commit=commit_text(point.source_commit),
        latency=text(point.latency),
        arena=text(point.arena_bytes),
        flash=text(point.flash_bytes),
        accuracy=text(point.accuracy, ".4f"),
    )
