"""How a figure compares with the baseline's, in a few characters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hil.gate.condition import forbidding
from hil.gate.entry import BaselineEntry
from hil.gate.quantity import Dimension, Quantity
from hil.vocab import SHARES, Better

NEW, INCOMPARABLE, SAME = "new", "other", "="


class Direction(StrEnum):
    """Whether a change is welcome."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"


@dataclass(frozen=True)
class Held:
    """What runs are held against: the baseline's name, its entry for each run, by run id, and the
    conditions that may differ.
    """

    name: str
    entries: Mapping[str, BaselineEntry]
    accepted: frozenset[str] = frozenset()

    def change(self, quantity: Quantity, after: BaselineEntry) -> ChangeCell | None:
        """The change of a quantity of a run; None when one side does not have it."""
        return change_cell(quantity, self.entries.get(after.run_id), after, self.accepted)


@dataclass(frozen=True)
class ChangeCell:
    """A change with its sign, and whether it is welcome."""

    text: str
    direction: Direction


def change_cell(
    quantity: Quantity,
    before: BaselineEntry | None,
    after: BaselineEntry,
    accepted: Collection[str] = (),
) -> ChangeCell | None:
    """The change of a quantity; None when one side does not have it."""
    if before is None:
        return ChangeCell(NEW, Direction.SAME)
    if forbidding(before, after, accepted):
        return ChangeCell(INCOMPARABLE, Direction.SAME)
    old, new = quantity.value(before), quantity.value(after)
    if old is None or new is None:
        return None
    if old == new:
        return ChangeCell(SAME, Direction.SAME)
    is_better = (new > old) == (quantity.better(after) is Better.HIGHER)
    return ChangeCell(
        _text(quantity, after, old, new), Direction.BETTER if is_better else Direction.WORSE
    )


def _text(quantity: Quantity, entry: BaselineEntry, old: float, new: float) -> str:
    """Bytes as they are, shares in points, all else relative."""
    change = new - old
    if quantity.dimension is Dimension.ACCURACY and entry.accuracy_metric in SHARES:
        return f"{change * 100:+.2f} pp"
    if quantity.dimension is Dimension.BYTES or not old:
        return f"{change:+,.0f}" if change == int(change) else f"{change:+.4g}"
    return f"{change / old:+.2%}"
