"""A row per run: its figures beside the baseline's, and what is behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.gate.change import INCOMPARABLE, SAME, Direction, Held
from hil.gate.condition import forbidding
from hil.gate.entry import BaselineEntry
from hil.gate.quantity import QUANTITIES, Quantity
from hil.record import GateAnswer, RunRecord, RunResult, Verdict
from hil.report.html.words import (
    ABSENT,
    COMMIT_DIGITS,
    accuracy,
    commit_text,
    is_swept,
    number,
    run_name,
    unit_of,
)
from hil.report.reproduce import reproduction

if TYPE_CHECKING:
    from hil.report.html.page import Page


@dataclass(frozen=True)
class Cell:
    """A figure of a row: text, what to sort by, further lines, the change, why it is missing."""

    text: str
    sort: float | None = None
    lines: tuple[str, ...] = ()
    change: str = ""
    direction: str = "same"
    why: str = ""
    change_why: str = ""


@dataclass(frozen=True)
class Change:
    """How a figure changed since the baseline, in words; why there is nothing to compare."""

    text: str = ""
    direction: Direction = Direction.SAME
    why: str = ""


@dataclass(frozen=True)
class CheckView:
    """A check with its reason, limits and the gate's answers."""

    name: str
    status: str
    reason: str
    limits: str
    gate: tuple[GateAnswer, ...]


@dataclass(frozen=True)
class RunView:
    """A row of the table of runs, and its details; `absent` are names of figures and why they are
    missing.
    """

    id: str
    name: str
    run: RunResult
    about: tuple[str, ...]
    status: str
    cells: tuple[Cell, ...]
    checks: tuple[CheckView, ...]
    facts: tuple[tuple[str, str], ...]
    absent: tuple[tuple[str, str], ...]
    command: str


def run_views(page: Page) -> list[RunView]:
    """One for each run, in their order."""
    runs = list(page.runs)
    return [_view(page, run, number_, is_swept(runs)) for number_, run in enumerate(runs)]


def _view(page: Page, run: RunResult, place: int, swept: bool) -> RunView:
    record = run.record
    return RunView(
        id=f"run-{place}",
        name=run_name(run, swept=swept),
        run=run,
        about=tuple(_about(page.runs, run)),
        status=run.status.value,
        cells=tuple(_cells(page, run)),
        checks=tuple(_check(verdict) for verdict in run.verdicts.values()),
        facts=tuple(_facts(record)) if record is not None else (("no result", run.reason),),
        absent=tuple(_absent(record)) if record is not None else (),
        command=reproduction(run, page.held.name if page.held is not None else None),
    )


def _about(runs: Sequence[RunResult], run: RunResult) -> Iterator[str]:
    """Suite and scheme; target and kind where there are several."""
    yield from filter(None, (run.suite, run.scheme and run.scheme.value))
    if len({each.target for each in runs}) > 1:
        yield run.target
    kinds = {each.record.kind for each in runs if each.record is not None}
    if len(kinds) > 1 and run.record is not None:
        yield run.record.kind.value


def _absent(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Figures that are missing, together where they share a reason."""
    names: dict[str, list[str]] = {}
    for name, why in record.absent.items():
        names.setdefault(why, []).append(name)
    for why, missing in names.items():
        yield ", ".join(missing), why


def _check(verdict: Verdict) -> CheckView:
    limits = ", ".join(
        f"{name} {value:,.7g}" for name, value in verdict.limits.items() if value is not None
    )
    return CheckView(
        verdict.check.value, verdict.status.value, verdict.reason, limits, verdict.gate
    )


def _cells(page: Page, run: RunResult) -> Iterator[Cell]:
    """Accuracy, outputs, latency, arena, flash."""
    record = run.record
    if record is None:
        host = run.host_only.same_vectors if run.host_only is not None else None
        why = run.reason.splitlines()[0] if run.reason else "not measured"
        score = () if host is None or host.value is None else (f"LiteRT {host.value:.4f}",)
        yield Cell(ABSENT, lines=score, why=why)
        yield from [Cell(ABSENT, why=why)] * 4
        return
    metrics, metric = record.metrics, record.accuracy_metric
    entry = BaselineEntry.of(record)
    yield _figure(
        page,
        entry,
        "accuracy",
        accuracy(metrics.accuracy_device, metric),
        record.absent.get("accuracy_device", ""),
        (
            f"TFLM {accuracy(metrics.accuracy_host_tflm, metric)} \u00b7 "
            f"LiteRT {accuracy(metrics.accuracy_litert, metric)}",
        ),
    )
    yield _outputs(record)
    latency = QUANTITIES["latency.median"].value(entry)
    unit = unit_of(record)
    lines = [unit]
    if metrics.latency_median_ms is not None:
        lines.append(f"{metrics.latency_median_ms:.3f} ms")
    why = record.absent.get(f"latency_median_{unit}", "")
    yield _figure(page, entry, "latency.median", number(latency), why, tuple(lines))
    for name, field in (("arena.used", "arena_used_bytes"), ("flash.total", "flash_bytes")):
        text = number(getattr(metrics, field))
        yield _figure(page, entry, name, text, record.absent.get(field, ""), ("bytes",))


def _figure(
    page: Page, entry: BaselineEntry, name: str, text: str, why: str, lines: tuple[str, ...]
) -> Cell:
    quantity = QUANTITIES[name]
    change, value = _change(page.held, quantity, entry), quantity.value(entry)
    return Cell(
        text=text,
        sort=None if value is None else float(value),
        lines=lines,
        change=change.text,
        direction=change.direction.value,
        why=why,
        change_why=change.why,
    )


def _change(held: Held | None, quantity: Quantity, entry: BaselineEntry) -> Change:
    """The change with a word, for not everybody sees the colour."""
    cell = held.change(quantity, entry) if held is not None else None
    if held is None or cell is None:
        return Change()
    if cell.direction is not Direction.SAME:
        return Change(f"{cell.text} {cell.direction.value}", cell.direction)
    if cell.text == INCOMPARABLE:
        differences = forbidding(held.entries[entry.run_id], entry, held.accepted)
        return Change("not comparable", why="; ".join(map(str, differences)))
    return Change("unchanged") if cell.text == SAME else Change("new", why="not in the baseline")


def _outputs(record: RunRecord) -> Cell:
    metrics = record.metrics
    if metrics.outputs_elements is None:
        return Cell(ABSENT, why=record.absent.get("outputs_elements", "no reference"))
    differing = metrics.outputs_differing_elements or 0
    share = f"{differing:,} of {metrics.outputs_elements:,} differ"
    if not differing:
        return Cell("equal", 0.0, (share,))
    worst = metrics.outputs_max_abs_error
    return Cell("NaN, inf" if worst is None else f"{worst:.2g}", worst, (share,))


def _facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    yield "run", record.run_id
    yield "board", record.board
    yield "started", record.started_utc
    yield "took", f"{record.duration_s:.1f} s"
    yield "vectors", f"{record.metrics.vectors:,} from {record.vectors_source}"
    yield "MACs", f"{record.metrics.macs:,}"
    yield "model", record.subject.model_sha256[:COMMIT_DIGITS]
    yield "commit", commit_text(record.subject.source_commit) or ABSENT
    yield "image", record.subject.build_id[:COMMIT_DIGITS]
