"""Baselines on the terminal: what they hold, and how two of them differ."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hil.gate.baseline import Baseline, Key
from hil.gate.diff import BaselineDiff, EntryDiff
from hil.gate.entry import BaselineEntry
from hil.gate.gate import answer_text
from hil.gate.quantity import QUANTITIES, Dimension, Quantity
from hil.report.styles import CHANGE_STYLES
from hil.vocab import GateOutcome

# Quantity -> its heading.
SHOWN = {
    "accuracy": "accuracy",
    "outputs.max_lsb": "outputs\nmax LSB",
    "latency.median": "latency\n{unit}",
    "arena.used": "arena\nbytes",
    "flash.total": "flash\nbytes",
}
ABSENT = "-"
COMMIT_DIGITS = 8


def print_baseline(console: Console, baseline: Baseline) -> None:
    """Prints one row per entry, grouped by target and suite."""
    for title, entries in _groups(baseline.entries):
        unit = entries[0].counter_unit.value
        swept = len({entry.kernels for entry in entries}) > 1
        headings = [SHOWN[name].format(unit=unit) for name in SHOWN]
        table = _table(title, ("model", *headings, "measured\ncommit"))
        for entry in entries:
            name = f"{entry.model}\n{entry.kernels}" if swept else entry.model
            figures = [_figure(QUANTITIES[each], entry) for each in SHOWN]
            commit = (entry.subject.source_commit or ABSENT)[:COMMIT_DIGITS]
            table.add_row(name, *figures, f"{entry.started_utc[2:10]}\n{commit}")
        console.print(table)


def print_diff(console: Console, before: str, after: str, diff: BaselineDiff) -> None:
    """Prints every figure that changed, with what may be behind it, and what only one side has."""
    changed = [entry for entry in diff.both if entry.figures]
    if changed:
        console.print(_changes(before, after, changed))
        _print_causes(console, changed)
    for entry in diff.both:
        if entry.forbidding:
            said = "; ".join(map(str, entry.forbidding))
            accept = ", ".join(difference.key for difference in entry.forbidding)
            said = f": not comparable: {said} (--accept {accept})"
            text = _title(entry.key) + Text(said, style="yellow")
            console.print(text, soft_wrap=True)
        for answer in entry.answers:
            if answer.outcome is GateOutcome.FAIL:
                text = Text("fail: ", style="bold red") + Text(answer_text(answer))
                console.print(text, soft_wrap=True)
            elif answer.outcome is not GateOutcome.PASS:
                console.print(Text(answer_text(answer), style="yellow"), soft_wrap=True)
    for side, entries in ((before, diff.vanished), (after, diff.new)):
        for key in entries:
            console.print(Text(f"only in {side}: ", style="yellow") + Text(str(key)))
    same = len(diff.both) - len(diff.changed)
    console.print(
        f"{len(diff.both)} in both, {len(diff.changed)} changed, {same} the same, "
        f"{len(diff.vanished)} only in {before}, {len(diff.new)} only in {after}"
    )


def _changes(before: str, after: str, entries: Sequence[EntryDiff]) -> Table:
    """A row for each figure that changed."""
    table = _table("", ("model", before, after, "change"))
    for entry in entries:
        table.add_row(Text(f"{entry.key.model} on {entry.key.target}", style="bold"))
        for figure in entry.figures:
            change = Text(figure.cell.text, style=CHANGE_STYLES[figure.cell.direction])
            cells = [_written(figure.quantity, value) for value in (figure.before, figure.after)]
            table.add_row(f"  {figure.quantity.name}", *cells, change)
    return table


def _print_causes(console: Console, entries: Sequence[EntryDiff]) -> None:
    """What may be behind the changes: each cause once, with the models it is said of."""
    models: dict[str, list[str]] = {}
    for entry in entries:
        for figure in entry.figures:
            for cause in figure.causes:
                said = models.setdefault(cause, [])
                if entry.key.model not in said:
                    said.append(entry.key.model)
    for cause, names in models.items():
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        console.print(f"{names[0]}{others}: {cause}", markup=False, soft_wrap=True)


def _groups(entries: Sequence[BaselineEntry]) -> list[tuple[str, list[BaselineEntry]]]:
    groups: dict[str, list[BaselineEntry]] = {}
    for entry in entries:
        title = f"{entry.suite} on {entry.target}, {entry.kind.value}"
        groups.setdefault(title, []).append(entry)
    return list(groups.items())


def _title(key: Key) -> Text:
    return Text(str(key), style="bold")


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.pad_edge, table.padding = False, (0, 1, 0, 0)
    table.add_column(headings[0], no_wrap=True)
    for heading in headings[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _figure(quantity: Quantity, entry: BaselineEntry) -> str:
    value = quantity.value(entry)
    return ABSENT if value is None else _written(quantity, value)


def _written(quantity: Quantity, value: float) -> str:
    return f"{value:.4f}" if quantity.dimension is Dimension.ACCURACY else f"{value:,.0f}"
