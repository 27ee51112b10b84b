"""The history on the terminal: a line per run, and all of one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hil.gate.tree import tflm_option, told_tree
from hil.record import OperatorFigures, RunRecord, Subject
from hil.report.styles import STATUS_STYLES
from hil.store.history import HistoryPoint
from hil.store.stored import StoredRun
from hil.vocab import CounterUnit, Kind

ABSENT = "-"
COMMIT_DIGITS = 8
UNITS = {Kind.EMULATED: "instr.", Kind.HARDWARE: "cycles", None: ""}


SubjectOf = Callable[[str], Subject | None]


def print_history(
    console: Console,
    points: Sequence[HistoryPoint],
    count: int,
    total: int,
    subject_of: SubjectOf,
) -> None:
    """Prints the newest `count` of `points`, which are newest first, of `total` there are.

    `subject_of` gives the subject of a run by its id: latencies of different TFLM trees are not
    compared, and the trees are named instead.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    shown = points[:count]
    kinds = {point.kind for point in shown} - {None}
    unit = UNITS[next(iter(kinds))] if len(kinds) == 1 else ""
    for heading in ("started\nrun", "model\ntarget", "status\ncommit"):
        table.add_column(heading, no_wrap=True)
    for heading in ("accuracy", f"latency\n{unit or 'change'}", "arena\nbytes", "flash\nbytes"):
        table.add_column(heading, no_wrap=True, justify="right")
    others: dict[str, None] = {}
    for place, point in enumerate(shown):
        before = _one_before(point, points[place + 1 :])
        trees = _trees(point, before, subject_of)
        if trees is not None:
            others[_other_tree(*trees)] = None
            before = None
        table.add_row(*_cells(point, before, "" if unit else UNITS[point.kind]))
    console.print(table)
    for line in others:
        console.print(line, markup=False, soft_wrap=True)
    if total > count:
        console.print(f"the newest {count} of {total:,}; -n shows more", style="dim")
    if Kind.EMULATED in kinds:
        console.print("emulated: instruction counts, not time", style="dim")


def _one_before(point: HistoryPoint, older: Sequence[HistoryPoint]) -> HistoryPoint | None:
    """The newest older run of the same key that has a result."""
    key = _key(point)
    return next((p for p in older if _key(p) == key and p.latency is not None), None)


def _trees(
    point: HistoryPoint, before: HistoryPoint | None, subject_of: SubjectOf
) -> tuple[Subject, Subject] | None:
    """The subjects of the run before and of this one when their TFLM trees differ. Records are read
    only where there is a change that the tree may be behind.
    """
    if before is None or point.latency is None or point.latency == before.latency:
        return None
    old, new = subject_of(before.run_id), subject_of(point.run_id)
    if old is None or new is None or old.tflm_digest == new.tflm_digest:
        return None
    return old, new


def _other_tree(old: Subject, new: Subject) -> str:
    return (
        f"another TFLM tree, not compared: {told_tree(old)} -> {told_tree(new)}; "
        f"--hil-tflm {tflm_option(old)} continues the older line"
    )


def _key(point: HistoryPoint) -> tuple[object, ...]:
    return (point.suite, point.model, point.target, point.kernels, point.kind, point.origin)


def _cells(point: HistoryPoint, before: HistoryPoint | None, unit: str) -> list[str | Text]:
    status = point.status.value if point.status is not None else "not judged"
    style = STATUS_STYLES[point.status] if point.status is not None else "dim"
    commit = (point.source_commit or ABSENT)[:COMMIT_DIGITS]
    latency = ABSENT if point.latency is None else f"{point.latency:,.0f} {unit}".rstrip()
    started = point.started_utc[2:16].replace("T", " ")
    return [
        f"{started}\n{point.run_id[-8:]}",
        f"{point.model}\n{point.target}",
        Text(status, style=style) + Text(f"\n{commit}", style="dim"),
        ABSENT if point.accuracy is None else f"{point.accuracy:.4f}",
        Text(f"{latency}\n") + _change(point, before),
        _bytes(point.arena_bytes),
        _bytes(point.flash_bytes),
    ]


def _change(point: HistoryPoint, before: HistoryPoint | None) -> Text:
    """Of the latency, since the run before."""
    if before is None or point.latency is None or not before.latency:
        return Text("")
    if point.latency == before.latency:
        return Text("=", style="dim")
    change = point.latency / before.latency - 1
    return Text(f"{change:+.2%}", style="red" if change > 0 else "green")


def _bytes(value: int | None) -> str:
    return ABSENT if value is None else f"{value:,}"


# ---- one run


def print_run(console: Console, run: StoredRun) -> None:
    """Prints identity, verdicts, figures, operators and what is absent."""
    console.print(Text(f"{run.model} on {run.target}, {run.kernels}", style="bold"))
    _print_pairs(
        console,
        {
            "run": run.run_id,
            "started": run.started_utc,
            "origin": run.origin.value,
            "suite": run.suite or ABSENT,
            "session": f"{run.session.session_id} on {run.session.host}",
            "command": run.session.command,
        },
    )
    if run.reason:
        console.print(Text("no result: ", style="bold red") + Text(run.reason), soft_wrap=True)
    for verdict in run.verdicts:
        word = Text(f"{verdict.status.value}: ", style=STATUS_STYLES[verdict.status])
        console.print(word + Text(f"{verdict.check.value}: {verdict.reason}"), soft_wrap=True)
    if run.record is not None:
        _print_record(console, run.record)


def _print_record(console: Console, record: RunRecord) -> None:
    subject, condition = record.subject, record.condition
    console.print("\nfigures", style="bold")
    metrics = {k: v for k, v in record.metrics.model_dump().items() if v is not None}
    _print_pairs(console, {name: _written(value) for name, value in metrics.items()})
    for title, part in (("subject", subject), ("condition", condition)):
        console.print(f"\n{title}", style="bold")
        values = part.model_dump(mode="json")
        _print_pairs(console, {name: _written(value) for name, value in values.items()})
    if record.operators:
        console.print("\noperators", style="bold")
        console.print(_operators(record.operators, condition.counter_unit))
    if record.absent:
        console.print("\nabsent", style="bold")
        _print_pairs(console, record.absent)


def _operators(operators: Sequence[OperatorFigures], unit: CounterUnit) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("#", "operator", "output", unit.value, "share", "MACs", "weights"):
        is_name = heading in ("operator", "output")
        table.add_column(heading, no_wrap=True, justify="left" if is_name else "right")
    total = sum(operator.count for operator in operators)
    for each in operators:
        table.add_row(
            str(each.index),
            each.name,
            "x".join(map(str, each.shape)),
            f"{each.count:,}",
            f"{each.count / total:.1%}" if total else ABSENT,
            f"{each.macs:,}",
            f"{each.weights_bytes:,}",
        )
    return table


def _print_pairs(console: Console, pairs: dict[str, str]) -> None:
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        console.print(f"  {name:{width}}  {value}", markup=False, soft_wrap=True)


def _written(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}" if value < 1e6 else f"{value:,.0f}"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return ABSENT if value is None else str(value)
