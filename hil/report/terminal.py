"""The table at the end of a session, one per target."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hil.gate.change import Held
from hil.gate.entry import BaselineEntry
from hil.gate.quantity import QUANTITIES
from hil.record import HostOnly, Metrics, RunRecord, RunResult, Verdict
from hil.reference.reference import ReferenceName
from hil.report.styles import CHANGE_STYLES, STATUS_STYLES
from hil.report.timing import board_line
from hil.report.unsupported import is_unsupported, unsupported_text
from hil.vocab import CheckName, GateOutcome, Kind, Status

MIN_WIDTH = 80
PIPE_WIDTH = 100
UNLIMITED_WIDTH = 1000
ABSENT = "-"
HEADING_LINES = 4
EMULATED_NOTE = "emulated: instruction counts, not time"


@dataclass(frozen=True)
class Column:
    """A column: its heading, its sentence under the table, its text for a run, and the quantity
    whose change against a baseline it shows.
    """

    heading: str
    sentence: str
    text: Callable[[RunRecord], str]
    quantity: str | None = None


def summary_text(
    runs: Sequence[RunResult],
    *,
    color: bool,
    explain: bool = True,
    unsupported: bool = True,
    held: Held | None = None,
) -> str:
    """The tables of all runs, "" when there are none.

    With `explain` what each column says, with `unsupported` why models cannot run, with `held` how
    each run compares with its baseline.
    """
    if not runs:
        return ""
    width = max(MIN_WIDTH, shutil.get_terminal_size((PIPE_WIDTH, 24)).columns)
    console = Console(width=width, force_terminal=color, no_color=not color, highlight=False)
    with console.capture() as capture:
        for number, target in enumerate(dict.fromkeys(run.target for run in runs)):
            of_target = [run for run in runs if run.target == target]
            chosen = [run for run in of_target if not is_unsupported(run)]
            if chosen:
                _print_target(console, target, chosen, held, explain=explain and number == 0)
            for run in chosen:
                _print_reasons(console, run)
            why = unsupported_text(of_target) if unsupported else ""
            if why:
                style = STATUS_STYLES[Status.UNSUPPORTED]
                console.print(Text("unsupported: ", style) + Text(why, ""), soft_wrap=True)
    return capture.get()


def _print_target(
    console: Console, target: str, runs: Sequence[RunResult], held: Held | None, *, explain: bool
) -> None:
    kinds = {run.record.kind for run in runs if run.record is not None}
    metrics = {run.record.accuracy_metric for run in runs if run.record is not None} - {None}
    columns = _columns(Kind.HARDWARE not in kinds, metrics.pop() if len(metrics) == 1 else None)
    title = f"{target}, {' and '.join(sorted(kinds)) or 'no result'}"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.pad_edge = False
    table.add_column(_heading("model\nscheme\nchecks"), no_wrap=True)
    for column in columns:
        table.add_column(_heading(column.heading), no_wrap=True, justify="right")
    for run in runs:
        table.add_row(*_cells(run, columns, swept=len({r.kernels for r in runs}) > 1))
        if held is not None and run.record is not None:
            table.add_row(*_change_cells(run.record, columns, held))
    needed = console.measure(table, options=console.options.update(max_width=UNLIMITED_WIDTH))
    if needed.maximum > console.width:  # closer columns rather than figures cut short
        table.padding = (0, 1, 0, 0)
    console.print(table)
    if Kind.EMULATED in kinds:
        console.print(EMULATED_NOTE)
    boards = [board_line(run.record) for run in runs if run.record is not None]
    for text in filter(None, dict.fromkeys(boards)):
        console.print(text)
    for text in oracle_notes(runs):
        console.print(text, soft_wrap=True)
    if explain:
        for column in columns:
            name = column.heading.splitlines()[0]
            console.print(f"{name}: {column.sentence}", style="dim")


def _heading(text: str) -> str:
    """Headings of equal height, so that all begin in the first line."""
    return text + "\n" * (HEADING_LINES - 1 - text.count("\n"))


def _cells(run: RunResult, columns: Sequence[Column], *, swept: bool) -> list[str | Text]:
    scheme = run.scheme.value if run.scheme is not None else ""
    lines = [run.model, scheme, run.kernels if swept else ""]
    name = Text("\n".join(line for line in lines if line) + "\n") + _status_text(run)
    if run.record is None:
        return [name, *[ABSENT] * len(columns)]
    return [name, *[column.text(run.record) for column in columns]]


def _change_cells(record: RunRecord, columns: Sequence[Column], held: Held) -> list[str | Text]:
    """How a run compares with its baseline; worse is red, better green."""
    after = BaselineEntry.of(record)
    cells: list[str | Text] = [Text(f"  vs {held.name}", style="dim")]
    for column in columns:
        quantity = QUANTITIES.get(column.quantity or "")
        text = held.change(quantity, after) if quantity is not None else None
        cells.append("" if text is None else Text(text.text, style=CHANGE_STYLES[text.direction]))
    return cells


def _status_text(run: RunResult) -> Text:
    counts: dict[Status, int] = {}
    for verdict in run.verdicts.values():
        counts[verdict.status] = counts.get(verdict.status, 0) + 1
    parts = [f"{counts[status]} {status.value}" for status in STATUS_STYLES if status in counts]
    # Two to a line: the column with the names is not to crowd out the figures.
    lines = [", ".join(parts[i : i + 2]) for i in range(0, len(parts), 2)]
    return Text("\n".join(lines), style=STATUS_STYLES[run.status])


def _print_reasons(console: Console, run: RunResult) -> None:
    """Why a run is not simply a pass; each reason once, however many checks share it."""
    reasons: dict[tuple[Status, str], list[CheckName]] = {}
    for name, verdict in run.verdicts.items():
        if verdict.status not in (Status.PASS, Status.SKIP):
            reason = verdict.reason.splitlines()[0] + _suspect(verdict)
            reasons.setdefault((verdict.status, reason), []).append(name)
    for (status, reason), checks in reasons.items():
        names = ", ".join(checks) if len(checks) < len(CheckName) else "all checks"
        line = Text(f"{status.value}: ", style=STATUS_STYLES[status])
        console.print(line + Text(f"{run.model} {names}: {reason}", style=""), soft_wrap=True)


def _suspect(verdict: Verdict) -> str:
    """The likeliest cause of what the gate found, "" when it found nothing."""
    failed = [a for a in verdict.gate if a.outcome is GateOutcome.FAIL and a.causes]
    return f" [{failed[0].causes[0]}]" if failed else ""


def oracle_notes(runs: Iterable[RunResult]) -> list[str]:
    """What stands under TFLM where it is not the wheel."""
    records = [run.record for run in runs if run.record is not None]
    notes = [
        f"TFLM: here {record.oracle}, {record.comparisons[record.oracle].label}"
        for record in records
        if record.oracle not in (None, ReferenceName.TFLM.value)
    ]
    return list(dict.fromkeys(notes))


def host_only_text(host: HostOnly | None) -> str:
    """What LiteRT alone scored, or why it did not; "" when it was not asked."""
    score = host.same_vectors if host is not None else None
    if score is None:
        return ""
    if score.value is None:
        return f"no accuracy on the host alone: {score.reason.splitlines()[0]}"
    return (
        f"on the host alone {score.label}: {score.metric} {score.value:.4f} "
        f"over {score.vectors} vectors"
    )


# ---- columns


def _columns(emulated: bool, metric: str | None) -> tuple[Column, ...]:
    """The columns; `metric` is that of all runs, None when they have several or none."""
    name = metric or "the suite's metric"
    unit = "instructions" if emulated else "cycles"
    return (
        Column(
            "accuracy\ndevice\nTFLM\nLiteRT",
            f"{name} on the outputs of the device, of host TFLM and of host LiteRT.",
            lambda record: _accuracy(record.metrics),
            "accuracy",
        ),
        Column(
            "outputs\nmax diff\nelements",
            "the device's against host TFLM's: equal, or the largest difference; how many differ.",
            lambda record: _outputs(record.metrics),
        ),
        Column(
            "latency\nmedian\nmin\nn",
            f"{unit} of Invoke alone, nothing else running, over n inferences.",
            _latency,
            "latency.median",
        ),
        Column(
            "LiteRT\nhost us",
            "host time: median of the same vectors on this host's LiteRT, one thread.",
            lambda record: _number(record.metrics.host_litert_latency_median_us, ".1f"),
        ),
        Column(
            "arena\ndevice\nhost",
            "bytes used, as TFLM reports it on the device and on the (64-bit) host.",
            lambda record: _lines(
                _number(record.metrics.arena_used_bytes, ",d"),
                _number(record.metrics.arena_host_tflm_bytes, ",d"),
            ),
            "arena.used",
        ),
        Column(
            "flash\nall\nmodel",
            "bytes programmed: model, its operators, interpreter and harness; and the model alone.",
            lambda record: _lines(
                _number(record.metrics.flash_bytes, ",d"),
                _number(record.metrics.flash_model_bytes, ",d"),
            ),
            "flash.total",
        ),
    )


def _lines(*lines: str) -> str:
    return "\n".join(lines)


def _number(value: float | None, form: str) -> str:
    return ABSENT if value is None else f"{value:{form}}"


def _accuracy(metrics: Metrics) -> str:
    return _lines(
        _number(metrics.accuracy_device, ".4f"),
        _number(metrics.accuracy_host_tflm, ".4f"),
        _number(metrics.accuracy_litert, ".4f"),
    )


def _outputs(metrics: Metrics) -> str:
    if metrics.outputs_elements is None:
        return ABSENT
    if metrics.outputs_differing_elements == 0:
        return _lines("equal", f"0/{metrics.outputs_elements}")
    worst = metrics.outputs_max_abs_error
    return _lines(
        "NaN, inf" if worst is None else f"{worst:.2g}",
        f"{metrics.outputs_differing_elements}/{metrics.outputs_elements}",
    )


def _latency(record: RunRecord) -> str:
    metrics = record.metrics
    middle, least = metrics.latency_median_instructions, metrics.latency_min_instructions
    if record.kind is Kind.HARDWARE:
        middle, least = metrics.latency_median_cycles, metrics.latency_min_cycles
    if middle is None or least is None:
        return ABSENT
    lines = [f"{middle:,.0f}", f"{least:,}", str(metrics.latency_samples)]
    if metrics.latency_median_ms is not None:
        lines.append(f"{metrics.latency_median_ms:.3f} ms")
    return _lines(*lines)
