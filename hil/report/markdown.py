"""A session as Markdown: for a pull request, and for the summary of a CI job."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hil.errors import ConfigError
from hil.files import write_whole
from hil.gate.change import Direction, Held
from hil.gate.entry import BaselineEntry
from hil.gate.quantity import QUANTITIES
from hil.record import RunResult, Verdict
from hil.report.terminal import EMULATED_NOTE
from hil.report.unsupported import is_unsupported, unsupported_text
from hil.vocab import GateOutcome, Kind, Status

# GitHub Actions and those that follow it: the file whose content is shown beside the job.
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
ABSENT = "-"
MARKS = {
    Status.PASS: "✅",
    Status.NEW: "🆕",
    Status.FAIL: "❌",
    Status.ERROR: "⚠️",
    Status.UNSUPPORTED: "⚪",
    Status.SKIP: "⚪",
}
_ARROWS = {Direction.WORSE: "🔺", Direction.BETTER: "🟢", Direction.SAME: ""}
_COLUMNS = {
    "accuracy": "accuracy",
    "latency.median": "latency",
    "arena.used": "arena, bytes",
    "flash.total": "flash, bytes",
}


def write_markdown(path: Path, text: str) -> None:
    """Writes the summary, whole or not at all. Raises ConfigError."""
    write_whole(path, text.encode())


def append_job_summary(text: str) -> None:
    """Adds the summary to the CI job's, where there is one. Raises ConfigError."""
    name = os.environ.get(SUMMARY_VARIABLE)
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"cannot write the job's summary {name}: {error.strerror}") from error


def markdown_text(
    runs: Sequence[RunResult], held: Held | None = None, notes: Sequence[str] = ()
) -> str:
    """What failed first, then a row per run; with `held` how each compares with its baseline."""
    lines = [f"## hil: {_headline(runs)}", ""]
    for run in runs:
        lines += _failures(run)
    for target in dict.fromkeys(run.target for run in runs):
        lines += _table(target, [run for run in runs if run.target == target], held)
    listed = [*_listed(runs), *(f"- {_plain(note)}" for note in notes)]
    if listed:
        lines += [
            f"<details><summary>{len(listed)} more to know</summary>",
            "",
            *listed,
            "",
            "</details>",
            "",
        ]
    return "\n".join(lines) + "\n"


def _headline(runs: Sequence[RunResult]) -> str:
    counts = {status: sum(run.status is status for run in runs) for status in Status}
    if not runs:
        return "nothing was measured"
    parts = [f"{n} {status.value}" for status, n in counts.items() if n]
    bad = counts[Status.FAIL] + counts[Status.ERROR]
    mark = MARKS[Status.FAIL] if bad else MARKS[Status.PASS]
    return f"{mark} {', '.join(parts)} of {len(runs)} runs"


def _failures(run: RunResult) -> Iterator[str]:
    """Each check that went wrong, with all that its reason says."""
    reasons: dict[str, list[str]] = {}
    for check, verdict in run.verdicts.items():
        if verdict.status in (Status.FAIL, Status.ERROR):
            reasons.setdefault(verdict.reason, []).append(check.value)
    for reason, checks in reasons.items():
        first, *rest = reason.splitlines()
        yield f"- **{_plain(run.model)}** on {run.target}, {', '.join(checks)}: {_plain(first)}"
        for line in rest:
            yield f"  - {_plain(line.strip())}"
    if reasons:
        yield ""


def _table(target: str, runs: Sequence[RunResult], held: Held | None) -> Iterator[str]:
    kinds = {run.record.kind for run in runs if run.record is not None}
    against = f", against baseline `{held.name}`" if held is not None else ""
    yield f"### {target}{against}"
    yield ""
    yield f"| | model | scheme | {' | '.join(_COLUMNS.values())} |"
    yield f"|---|---|---|{'---:|' * len(_COLUMNS)}"
    swept = len({run.kernels for run in runs}) > 1
    for run in (run for run in runs if not is_unsupported(run)):
        name = f"{run.model} ({run.kernels})" if swept else run.model
        scheme = run.scheme.value if run.scheme is not None else ""
        cells = " | ".join(_cells(run, held))
        yield f"| {MARKS[run.status]} {run.status.value} | {_plain(name)} | {scheme} | {cells} |"
    yield ""
    unsupported = unsupported_text(runs)
    if unsupported:
        yield f"{MARKS[Status.UNSUPPORTED]} unsupported: {_plain(unsupported)}"
        yield ""
    if Kind.EMULATED in kinds:
        yield f"Latency: {EMULATED_NOTE}."
        yield ""


def _cells(run: RunResult, held: Held | None) -> Iterator[str]:
    if run.record is None:
        yield from [ABSENT] * len(_COLUMNS)
        return
    entry = BaselineEntry.of(run.record)
    for name in _COLUMNS:
        quantity = QUANTITIES[name]
        value = quantity.value(entry)
        if value is None:
            yield ABSENT
            continue
        text = f"{value:.4f}" if name == "accuracy" else f"{value:,.0f}"
        if name == "latency.median":
            text += f" {entry.counter_unit.value}"
        change = held.change(quantity, entry) if held is not None else None
        yield text if change is None else f"{text}<br>{_ARROWS[change.direction]} {change.text}"


def _listed(runs: Sequence[RunResult]) -> Iterator[str]:
    """What neither failed nor was simply right."""
    for run in runs:
        if is_unsupported(run):
            yield f"- {_plain(run.model)}: {_plain(run.reason.splitlines()[0])}"
        for verdict in run.verdicts.values():
            yield from (f"- {_plain(run.model)}: {text}" for text in _unheld(verdict))


def _unheld(verdict: Verdict) -> Iterator[str]:
    for answer in verdict.gate:
        if answer.outcome not in (GateOutcome.PASS, GateOutcome.FAIL):
            yield f"{answer.outcome.value}: {_plain(answer.reason)}"


def _plain(text: str) -> str:
    """Text in which nothing is Markdown or HTML: it comes from devices, models and file names."""
    escaped = html.escape(text, quote=False)
    for character in "\\`*_[]|#~":
        escaped = escaped.replace(character, f"\\{character}")
    return escaped.replace("\n", " ").replace("\r", " ")
