"""The tables of `--hil-compare-schemes`: one per suite and target, a row per scheme and kernels."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hil.checks.schemes import (
    Drop,
    SchemeComparison,
    SchemeRow,
    compare_schemes,
    latency_of,
)
from hil.comparison import Comparison
from hil.record import HostOnly, RunRecord, RunResult
from hil.reference.reference import ReferenceName
from hil.report.styles import STATUS_STYLES
from hil.report.terminal import (
    ABSENT,
    EMULATED_NOTE,
    MIN_WIDTH,
    PIPE_WIDTH,
    host_only_text,
    oracle_notes,
)
from hil.report.unsupported import is_unsupported, unsupported_text
from hil.vocab import SHARES, Kind, Status

BASELINE = "baseline"
NOT_DISTINGUISHABLE = "not distinguishable"
PARETO, PARETO_BY_ESTIMATE = "Pareto", "(Pareto)"


@dataclass(frozen=True)
class Column:
    """A column: its heading, its sentence under the table, and its lines for a row."""

    heading: tuple[str, ...]
    sentence: str
    lines: Callable[[SchemeRow], Sequence[str]]


def schemes_text(runs: Sequence[RunResult], *, color: bool, explain: bool = True) -> str:
    """The comparison of all runs' schemes; with `explain` what each column says.

    Below 100 columns the one about LiteRT is left out, and arena and flash share one.
    """
    width = max(MIN_WIDTH, shutil.get_terminal_size((PIPE_WIDTH, 24)).columns)
    console = Console(width=width, force_terminal=color, no_color=not color, highlight=False)
    with console.capture() as capture:
        for number, comparison in enumerate(compare_schemes(runs)):
            _print(console, comparison, explain=explain and number == 0)
    return capture.get()


def _print(console: Console, comparison: SchemeComparison, *, explain: bool) -> None:
    is_wide = console.width >= PIPE_WIDTH
    columns = _columns(comparison, is_wide=is_wide)
    table = Table(title=_title(comparison), title_justify="left", title_style="bold")
    table.box, table.padding, table.pad_edge = SIMPLE_HEAD, (0, 1, 0, 0), False
    table.leading = 1
    height = max(len(column.heading) for column in columns)
    for number, column in enumerate(columns):
        heading = "\n".join(column.heading) + "\n" * (height - len(column.heading))
        table.add_column(heading, no_wrap=True, justify="right" if number else "left")
    for row in _runnable(comparison):
        first, *others = ("\n".join(column.lines(row)) for column in columns)
        table.add_row(Text(first, style=_style(row)), *others)
    console.print()
    console.print(table)
    if comparison.kind is Kind.EMULATED:
        console.print(EMULATED_NOTE)
    for note in oracle_notes(row.run for row in comparison.rows):
        console.print(note, soft_wrap=True)
    for column in columns if explain else ():
        console.print(f"{column.heading[0]}: {column.sentence}", style="dim", markup=False)
    if explain and not is_wide:
        console.print(f"in {PIPE_WIDTH} columns: LiteRT's flips and errors too", style="dim")
    is_swept = _is_swept(comparison)
    for row in _runnable(comparison):
        _print_reasons(console, row, is_swept=is_swept)
    unsupported = unsupported_text([row.run for row in comparison.rows])
    if unsupported:
        console.print(f"unsupported: {unsupported}", markup=False, soft_wrap=True)


def _runnable(comparison: SchemeComparison) -> list[SchemeRow]:
    return [row for row in comparison.rows if not is_unsupported(row.run)]


def _title(comparison: SchemeComparison) -> Text:
    records = [row.run.record for row in comparison.rows if row.run.record is not None]
    parts = [f"{comparison.suite} on {comparison.target}", comparison.kind or "no result"]
    if records:
        parts.append(f"{records[0].metrics.vectors} vectors")
        parts.append(records[0].accuracy_metric or "no metric")
    return Text("schemes of " + ", ".join(parts))


def _style(row: SchemeRow) -> str:
    is_fine = row.run.status in (Status.PASS, Status.NEW, Status.SKIP)
    return "" if is_fine else STATUS_STYLES[row.run.status]


def _print_reasons(console: Console, row: SchemeRow, *, is_swept: bool) -> None:
    """Why a row, or its drop, is not there."""
    name = f"{row.run.model} {row.run.kernels}" if is_swept else row.run.model
    if row.run.record is None:
        reason = row.run.reason.splitlines()[0] if row.run.reason else "not measured"
        text = f"{name}: {row.run.status.value}: {reason}{_host_failure(row.run.host_only)}"
    elif row.drop is None and not row.is_baseline:
        text = f"{name}: no drop: {row.drop_absent}"
    elif row.drop is not None and row.drop.reason:
        text = f"{name}: no interval: {row.drop.reason}"
    else:
        return
    console.print(Text(text), soft_wrap=True)


# ---- columns


def _columns(comparison: SchemeComparison, *, is_wide: bool) -> list[Column]:
    rows = comparison.rows
    has_larger = any(r.run.host_only is not None and r.run.host_only.larger_set for r in rows)
    is_swept = _is_swept(comparison)
    labels = [(row.run.scheme, row.run.kernels) for row in rows]
    is_ambiguous = len(set(labels)) < len(labels)
    return [
        Column(
            ("scheme", *(["kernels"] if is_swept else [])),
            f"{PARETO} = no other row is better in accuracy, latency, arena or flash and worse in "
            f"none, where accuracies that are not distinguishable count as equal; "
            f"{PARETO_BY_ESTIMATE} = only if they count as they came out.",
            lambda row: _first(row, is_swept=is_swept, with_model=is_ambiguous),
        ),
        Column(
            ("accuracy", "device", "TFLM", "LiteRT", *(["host set"] if has_larger else [])),
            "of the device, of host TFLM and of LiteRT, all on the same vectors"
            + ("; of LiteRT on the larger set of the suite." if has_larger else "."),
            lambda row: _accuracies(row, with_larger=has_larger),
        ),
        Column(
            ("drop", _drop_unit(comparison), "95 %"),
            "how much worse than float32 (negative: better), its 95 % interval over the same n "
            f"vectors, p of McNemar's test; {NOT_DISTINGUISHABLE} = the interval holds 0.",
            _drop,
        ),
        _agreement("TFLM", lambda record: record.oracle),
        *([_agreement("LiteRT", lambda _: ReferenceName.LITERT.value)] if is_wide else []),
        Column(
            ("latency", "instr." if comparison.kind is Kind.EMULATED else "cycles", "MACs"),
            "median of Invoke; multiply-accumulates of the model.",
            _latency,
        ),
        *_sizes(is_wide=is_wide),
    ]


def _agreement(heading: str, reference: Callable[[RunRecord], str | None]) -> Column:
    return Column(
        (heading, "flips", "LSB", "real"),
        f"device against {heading} on the host: vectors whose highest element is another one, "
        "summed over the outputs; the outputs' largest error in LSB and in real units.",
        lambda row: _errors(row.run.record, reference),
    )


def _host_failure(host: HostOnly | None) -> str:
    """Why LiteRT gave no accuracy either; what it gave stands in the row."""
    score = host.same_vectors if host is not None else None
    return f"; {host_only_text(host)}" if score is not None and score.value is None else ""


def _is_swept(comparison: SchemeComparison) -> bool:
    return len({row.run.kernels for row in comparison.rows}) > 1


def _first(row: SchemeRow, *, is_swept: bool, with_model: bool) -> list[str]:
    run = row.run
    lines = [run.scheme.value if run.scheme is not None else run.model]
    if with_model and lines != [run.model]:
        lines.append(run.model)
    if is_swept:
        lines.append(run.kernels)
    if row.run.status not in (Status.PASS, Status.NEW, Status.SKIP):
        lines.append(row.run.status.value)
    if row.is_baseline:
        lines.append(BASELINE)
    if row.drop is not None and row.drop.interval is not None and not row.drop.is_distinguishable:
        lines.append(NOT_DISTINGUISHABLE)
    if row.is_pareto:
        lines.append(PARETO)
    elif row.is_pareto_by_estimate:
        lines.append(PARETO_BY_ESTIMATE)
    return lines


def _accuracies(row: SchemeRow, *, with_larger: bool) -> list[str]:
    record, host = row.run.record, row.run.host_only
    if record is not None:
        metrics = record.metrics
        values = [metrics.accuracy_device, metrics.accuracy_host_tflm, metrics.accuracy_litert]
    else:
        alone = host.same_vectors if host is not None else None
        values = [None, None, alone.value if alone is not None else None]
    if with_larger:
        larger = host.larger_set if host is not None else None
        values.append(larger.value if larger is not None else None)
    return [_number(value, ".4f") for value in values]


def _drop_unit(comparison: SchemeComparison) -> str:
    metrics = {r.run.record.accuracy_metric for r in comparison.rows if r.run.record is not None}
    return "points" if metrics <= set(SHARES) else "absolute"


def _drop(row: SchemeRow) -> list[str]:
    if row.drop is None or row.run.record is None:
        return [ABSENT]
    factor, form = (100.0, ".2f") if row.run.record.accuracy_metric in SHARES else (1.0, ".2g")
    return [_signed(row.drop, factor, form), *_interval(row.drop, factor, form), f"n {row.drop.n}"]


def _signed(drop: Drop, factor: float, form: str) -> str:
    return f"{drop.value * factor:+{form}}"


def _interval(drop: Drop, factor: float, form: str) -> list[str]:
    if drop.interval is None:
        return [ABSENT]
    low, high = drop.interval.low * factor, drop.interval.high * factor
    p_value = [] if drop.p_value is None else [f"p {drop.p_value:.2g}"]
    return [f"{low:{form}}..{high:{form}}", *p_value]


def _errors(record: RunRecord | None, reference: Callable[[RunRecord], str | None]) -> list[str]:
    name = reference(record) if record is not None else None
    comparison = record.comparisons.get(name) if record is not None and name else None
    if comparison is None:
        return [ABSENT]
    flips = comparison.argmax_flips
    shown = ABSENT if flips is None else f"{flips:,}"
    if comparison.is_equal:
        return [shown, "equal"]
    return [shown, _largest_lsb(comparison), _largest_real(comparison)]


def _largest_lsb(comparison: Comparison) -> str:
    return _number(comparison.max_error_lsb, ",d")


def _largest_real(comparison: Comparison) -> str:
    if any(tensor.non_finite_elements for tensor in comparison.tensors):
        return "NaN/inf"
    return _number(comparison.max_error_real, ".2g")


def _latency(row: SchemeRow) -> list[str]:
    record, host = row.run.record, row.run.host_only
    if record is None:
        return [ABSENT, _number(host.macs if host is not None else None, ",d")]
    return [_number(latency_of(record.metrics), ",.0f"), _number(record.metrics.macs, ",d")]


def _sizes(*, is_wide: bool) -> list[Column]:
    """Arena and flash, in one column when there is no room for two."""
    arena = ("arena_used_bytes",)
    flash = ("flash_bytes", "flash_model_bytes")
    used, programmed = "bytes of arena used", "bytes of flash in all, and of the model alone"
    if is_wide:
        return [
            Column(("arena", "bytes"), f"{used}.", lambda row: _bytes(row, arena)),
            Column(("flash", "all", "model"), f"{programmed}.", lambda row: _bytes(row, flash)),
        ]
    heading, fields = ("memory", "arena", "flash", "model"), arena + flash
    return [Column(heading, f"{used}, {programmed}.", lambda row: _bytes(row, fields))]


def _bytes(row: SchemeRow, fields: Sequence[str]) -> list[str]:
    if row.run.record is None:
        return [ABSENT]
    return [_number(getattr(row.run.record.metrics, field), ",d") for field in fields]


def _number(value: float | None, form: str) -> str:
    return ABSENT if value is None else f"{value:{form}}"
