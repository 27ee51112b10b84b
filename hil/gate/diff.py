"""Two sets of entries side by side: what changed, and what may be behind it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hil.gate.baseline import Baseline, Key
from hil.gate.cause import causes
from hil.gate.change import ChangeCell, Direction, change_cell
from hil.gate.condition import Difference, forbidding
from hil.gate.entry import BaselineEntry
from hil.gate.expression import Expression
from hil.gate.hold import Terms, hold
from hil.gate.quantity import QUANTITIES, Quantity
from hil.record import GateAnswer

# Parts of others, and what follows from them: shown only when asked for.
DETAILS = frozenset(QUANTITIES) - {
    "latency.median",
    "arena.used",
    "ram.static",
    "stack.used",
    "flash.total",
    "flash.model",
    "accuracy",
    "outputs.max_lsb",
}


@dataclass(frozen=True)
class ChangedFigure:
    """A quantity that is not what it was."""

    quantity: Quantity
    before: float
    after: float
    cell: ChangeCell
    causes: tuple[str, ...]


@dataclass(frozen=True)
class EntryDiff:
    """One key in both. `forbidding` are the conditions that keep the two from being compared, and
    then nothing is; `answers` those of the gate, where there is one.
    """

    key: Key
    before: BaselineEntry
    after: BaselineEntry
    forbidding: tuple[Difference, ...]
    figures: tuple[ChangedFigure, ...]
    answers: tuple[GateAnswer, ...]


@dataclass(frozen=True)
class BaselineDiff:
    """What is in both, only in the first, and only in the second."""

    both: tuple[EntryDiff, ...]
    vanished: tuple[Key, ...]
    new: tuple[Key, ...]

    @property
    def changed(self) -> tuple[EntryDiff, ...]:
        """Entries with a figure that changed, or that cannot be compared."""
        return tuple(diff for diff in self.both if diff.figures or diff.forbidding)


def diff_baselines(
    before: Baseline,
    after: Baseline,
    *,
    accepted: Collection[str] = (),
    details: bool = False,
    gate: Sequence[Expression] = (),
) -> BaselineDiff:
    """All entries of two baselines, by key. Raises ConfigError for a gate whose sign is wrong."""
    taken: set[tuple[str, ...]] = set()
    both, new = [], []
    for entry in after.entries:
        # Several libraries on either side: then each has its own.
        swept = before.has_several(entry) or after.has_several(entry)
        old = before.find(entry, swept=swept)
        if old is None:
            new.append(Key.of(entry))
            continue
        taken.add(Key.of(old).place)
        both.append(_diff(before.name, old, entry, frozenset(accepted), details, gate))
    vanished = [Key.of(e) for e in before.entries if Key.of(e).place not in taken]
    return BaselineDiff(tuple(both), tuple(vanished), tuple(new))


def _diff(
    name: str,
    before: BaselineEntry,
    after: BaselineEntry,
    accepted: frozenset[str],
    details: bool,
    gate: Sequence[Expression],
) -> EntryDiff:
    forbids = forbidding(before, after, accepted)
    terms = Terms(name, accepted)
    figures = () if forbids else tuple(_figures(before, after, accepted, details))
    answers = tuple(hold(expression, before, after, terms) for expression in gate)
    return EntryDiff(Key.of(after), before, after, forbids, figures, answers)


def _figures(
    before: BaselineEntry, after: BaselineEntry, accepted: Collection[str], details: bool
) -> Iterator[ChangedFigure]:
    for quantity in QUANTITIES.values():
        if quantity.name in DETAILS and not details:
            continue
        cell = change_cell(quantity, before, after, accepted)
        old, new = quantity.value(before), quantity.value(after)
        if cell is None or old is None or new is None or cell.direction is Direction.SAME:
            continue
        yield ChangedFigure(quantity, old, new, cell, causes(quantity, before, after))
