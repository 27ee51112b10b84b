"""Where each run's time and code are, operator by operator, beside the baseline's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.gate.change import Held
from hil.gate.condition import forbidding
from hil.gate.entry import BaselineEntry
from hil.record import RunRecord, RunResult
from hil.report.html.chart import BLUE, GREY, Chart, Trace, chart, plain
from hil.report.html.words import counts_note, is_swept, number, run_name, unit_of


@dataclass(frozen=True)
class OperatorLine:
    """An operator, and by how much its count changed since the baseline."""

    index: int
    name: str
    shape: str
    count: str
    share: str
    macs: str
    per_mac: str
    change: str
    direction: str


@dataclass(frozen=True)
class KernelLine:
    """A kernel's source file."""

    name: str
    flash_bytes: str
    change: str
    direction: str


@dataclass(frozen=True)
class OperatorsView:
    """One run; `why` says why it has no operators, `refused` why it stands alone though there is a
    baseline.
    """

    id: str
    name: str
    unit: str
    note: str
    baseline: str
    lines: tuple[OperatorLine, ...]
    kernels: tuple[KernelLine, ...]
    charts: tuple[Chart, ...]
    why: str
    refused: str
    total: OperatorLine | None


def operator_views(runs: Sequence[RunResult], held: Held | None) -> list[OperatorsView]:
    """One for each run with a result."""
    swept = is_swept(list(runs))
    return [
        _view(run.record, run_name(run, swept=swept), place, held)
        for place, run in enumerate(runs)
        if run.record is not None
    ]


def _view(record: RunRecord, name: str, place: int, held: Held | None) -> OperatorsView:
    before, refused = _baseline(record, held)
    lines = tuple(_lines(record, before))
    drawn = (_chart(f"operators-{place}", name, record, before),) if lines else ()
    note = counts_note([RunResult(None, "", "", "", record=record)])
    return OperatorsView(
        id=f"ops-{place}",
        name=name,
        unit=unit_of(record),
        note=note,
        baseline=held.name if held is not None and before is not None else "",
        lines=lines,
        kernels=tuple(_kernels(record, before)),
        charts=drawn,
        why="" if lines else record.absent.get("operators", "the profile is empty"),
        refused=refused,
        total=_total(record, before) if lines else None,
    )


def _baseline(record: RunRecord, held: Held | None) -> tuple[BaselineEntry | None, str]:
    """What the run is held against; None, and why, where the two must not be compared."""
    before = held.entries.get(record.run_id) if held is not None else None
    if held is None or before is None:
        return None, ""
    differences = forbidding(before, BaselineEntry.of(record), held.accepted)
    return (None, "; ".join(map(str, differences))) if differences else (before, "")


def _is_same_network(record: RunRecord, before: BaselineEntry | None) -> bool:
    """Whether operators can be held against each other one by one."""
    if before is None or before.operators is None or record.operators is None:
        return False
    return [o.name for o in before.operators] == [o.name for o in record.operators]


def _lines(record: RunRecord, before: BaselineEntry | None) -> Iterator[OperatorLine]:
    operators = record.operators or ()
    total = sum(operator.count for operator in operators)
    same = _is_same_network(record, before)
    for place, each in enumerate(operators):
        old = before.operators[place].count if same and before and before.operators else None
        change, direction = _change(old, each.count)
        yield OperatorLine(
            index=each.index,
            name=each.name,
            shape="\u00d7".join(map(str, each.shape)),
            count=f"{each.count:,}",
            share=f"{each.count / total:.1%}" if total else "",
            macs=f"{each.macs:,}" if each.macs else "",
            per_mac=f"{each.count / each.macs:.2f}" if each.macs else "",
            change=change,
            direction=direction,
        )


def _total(record: RunRecord, before: BaselineEntry | None) -> OperatorLine:
    """All operators together: they need not be the same ones as the baseline's."""
    operators = record.operators or ()
    count, macs = sum(each.count for each in operators), sum(each.macs for each in operators)
    old = None
    if before is not None and before.operators is not None:
        old = sum(each.count for each in before.operators)
    change, direction = _change(old, count)
    return OperatorLine(
        index=len(operators),
        name="all operators",
        shape="",
        count=f"{count:,}",
        share="",
        macs=f"{macs:,}" if macs else "",
        per_mac=f"{count / macs:.2f}" if macs else "",
        change=change,
        direction=direction,
    )


def _change(old: int | None, new: int) -> tuple[str, str]:
    if old is None:
        return "", "same"
    if old == new:
        return "=", "same"
    share = f" ({new / old - 1:+.1%})" if old else ""
    return f"{new - old:+,}{share}", "worse" if new > old else "better"


def _kernels(record: RunRecord, before: BaselineEntry | None) -> Iterator[KernelLine]:
    old = before.kernel_flash_bytes if before is not None else {}
    for name in sorted({*record.kernel_flash_bytes, *old}):
        size = record.kernel_flash_bytes.get(name, 0)
        change, direction = _change(old.get(name, 0) if old else None, size)
        yield KernelLine(name, number(size), change, direction)


def _chart(id_: str, name: str, record: RunRecord, before: BaselineEntry | None) -> Chart:
    operators = record.operators or ()
    unit = unit_of(record)
    labels = [plain(f"{each.index} {each.name}") for each in operators]
    traces: list[Trace] = []
    if _is_same_network(record, before) and before is not None and before.operators is not None:
        traces.append(_bars("baseline", labels, [o.count for o in before.operators], GREY))
    traces.append(_bars("this run", labels, [o.count for o in operators], BLUE))
    height = 90 + 30 * len(operators) * len(traces)
    return chart(
        id_,
        f"{name}: {unit} of each operator",
        traces,
        unit,
        "",
        height=max(220, height),
        barmode="group",
        bargroupgap=0.12,
        yaxis={"autorange": "reversed", "automargin": True},
    )


def _bars(name: str, labels: list[str], counts: list[int], colour: str) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": labels,
        "x": counts,
        "marker": {"color": colour},
        "hovertemplate": "%{y}: %{x:,}<extra>" + name + "</extra>",
    }
