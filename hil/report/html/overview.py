"""The verdict, a row per run, and where it all happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.gate.change import ChangeCell, Direction
from hil.gate.entry import BaselineEntry
from hil.gate.gate import gate_lines
from hil.gate.quantity import QUANTITIES
from hil.record import GateAnswer, RunRecord, RunResult, Verdict
from hil.report.html.words import (
    ABSENT,
    COMMIT_DIGITS,
    accuracy,
    counts_note,
    is_swept,
    number,
    run_name,
    unit_of,
)
from hil.report.reproduce import reproduction
from hil.vocab import Status

if TYPE_CHECKING:
    from hil.report.html.page import Page

WORDS = {
    Status.ERROR: "could not be measured",
    Status.FAIL: "failed",
    Status.UNSUPPORTED: "unsupported",
    Status.NEW: "new",
    Status.PASS: "passed",
    Status.SKIP: "skipped",
}


@dataclass(frozen=True)
class Problem:
    """A check that went wrong."""

    run: str
    checks: str
    status: str
    headline: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class Overview:
    """The verdict in a line, what is behind it, and what else is worth knowing."""

    mood: str
    headline: str
    counts: tuple[tuple[str, str, int], ...]
    problems: tuple[Problem, ...]
    listed: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Cell:
    """A figure of a row: text, what to sort by, further lines, the change, why it is missing."""

    text: str
    sort: float | None = None
    lines: tuple[str, ...] = ()
    change: str = ""
    direction: str = "same"
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
    """A row of the table of runs, and its details."""

    id: str
    name: str
    run: RunResult
    kind: str
    status: str
    cells: tuple[Cell, ...]
    checks: tuple[CheckView, ...]
    facts: tuple[tuple[str, str], ...]
    absent: tuple[tuple[str, str], ...]
    command: str


def overview_of(page: Page) -> Overview:
    """Verdict first."""
    runs = list(page.runs)
    counts = {status: sum(run.status is status for run in runs) for status in WORDS}
    told = tuple((s.value, WORDS[s], n) for s, n in counts.items() if n)
    problems = tuple(problem for run in runs for problem in _problems(run, is_swept(runs)))
    listed = (*gate_lines(runs), *page.notes)
    if not runs:
        return Overview("bad", "Nothing was measured", told, problems, listed, "")
    if counts[Status.FAIL]:
        mood, headline = "bad", f"{counts[Status.FAIL]} of {len(runs)} runs failed"
        if counts[Status.ERROR]:
            headline += f", {counts[Status.ERROR]} could not be measured"
    elif counts[Status.ERROR]:
        mood, headline = "bad", f"{counts[Status.ERROR]} of {len(runs)} runs could not be measured"
    elif listed:
        mood, headline = "care", "Nothing failed, and something could not be compared"
    else:
        mood, headline = "good", "All good"
    return Overview(mood, headline, told, problems, listed, counts_note(runs))


def _problems(run: RunResult, swept: bool) -> Iterator[Problem]:
    reasons: dict[tuple[Status, str], list[str]] = {}
    for check, verdict in run.verdicts.items():
        if verdict.status in (Status.FAIL, Status.ERROR):
            reasons.setdefault((verdict.status, verdict.reason), []).append(check.value)
    for (status, reason), checks in reasons.items():
        first, *rest = reason.splitlines() or [""]
        name = f"{run_name(run, swept=swept)} on {run.target}"
        details = tuple(line.strip() for line in rest)
        yield Problem(name, ", ".join(checks), status.value, first, details)


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
        kind=record.kind.value if record is not None else "",
        status=run.status.value,
        cells=tuple(_cells(page, run)),
        checks=tuple(_check(verdict) for verdict in run.verdicts.values()),
        facts=tuple(_facts(record)) if record is not None else (("no result", run.reason),),
        absent=tuple(record.absent.items()) if record is not None else (),
        command=reproduction(run, page.held.name if page.held is not None else None),
    )


def _check(verdict: Verdict) -> CheckView:
    limits = ", ".join(f"{name} {value:g}" for name, value in verdict.limits.items() if value)
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
    metrics, metric, entry = record.metrics, record.accuracy_metric, BaselineEntry.of(record)
    yield _figure(
        page,
        entry,
        "accuracy",
        accuracy(metrics.accuracy_device, metric),
        record.absent.get("accuracy_device", ""),
        (
            f"TFLM {accuracy(metrics.accuracy_host_tflm, metric)}",
            f"LiteRT {accuracy(metrics.accuracy_litert, metric)}",
        ),
    )
    yield _outputs(record)
    latency = QUANTITIES["latency.median"].value(entry)
    unit = unit_of(record)
    lines = (unit if metrics.latency_median_ms is None else f"{metrics.latency_median_ms:.3f} ms",)
    yield _figure(page, entry, "latency.median", number(latency), "", lines)
    for name, field in (("arena.used", "arena_used_bytes"), ("flash.total", "flash_bytes")):
        text = number(getattr(metrics, field))
        yield _figure(page, entry, name, text, record.absent.get(field, ""), ("bytes",))


def _figure(
    page: Page, entry: BaselineEntry, name: str, text: str, why: str, lines: tuple[str, ...]
) -> Cell:
    quantity = QUANTITIES[name]
    change = page.held.change(quantity, entry) if page.held is not None else None
    value = quantity.value(entry)
    return Cell(
        text=text,
        sort=None if value is None else float(value),
        lines=lines,
        change=_change_text(change),
        direction=change.direction.value if change is not None else Direction.SAME.value,
        why=why,
    )


def _change_text(change: ChangeCell | None) -> str:
    """The change with a word, for not everybody sees the colour."""
    if change is None:
        return ""
    word = "" if change.direction is Direction.SAME else f" {change.direction.value}"
    return f"{change.text}{word}"


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


def environment_views(runs: Sequence[RunResult]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Subject, condition and environment, each once for the runs that share it."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for run in runs:
        if run.record is not None:
            groups.setdefault(tuple(_identity(run.record)), []).append(run.model)
    return [(", ".join(models), list(pairs)) for pairs, models in groups.items()]


def _identity(record: RunRecord) -> Iterator[tuple[str, str]]:
    subject, condition, where = record.subject, record.condition, record.environment
    commit = subject.source_commit
    yield "target", f"{record.target}, {record.kind.value}"
    yield "kernels", record.kernels.value
    yield "source commit", ABSENT if commit is None else _short(commit)
    yield "TFLM", f"{subject.tflm_origin} {_short(subject.tflm_digest)}"
    yield "harness", _short(subject.harness_digest)
    yield "toolchain", subject.toolchain
    yield "flags", " ".join(subject.flags)
    yield "core clock", f"{condition.core_clock_hz / 1e6:g} MHz"
    yield "placement", f"code {condition.code_placement}, arena {condition.arena_placement}"
    yield "counter", condition.counter_unit.value
    yield "data", _short(condition.source_sha256 or condition.data_sha256)
    yield "hil", f"{where.hil_version}, Python {where.python}, pyOCD {where.pyocd}"
    yield "host", where.host
    for name, label in where.references.items():
        yield f"reference {name}", label


def _short(digest: str) -> str:
    return digest[:COMMIT_DIGITS] + ("+" if digest.endswith("+") else "")
