"""Gate expressions: `latency.median:+2%`, `flash.total:+1KiB`, `accuracy:-0.5pp`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hil.errors import ConfigError
from hil.gate.entry import BaselineEntry
from hil.gate.quantity import Dimension, Quantity, quantity_named
from hil.vocab import SHARES, Better, CounterUnit

_LIMIT = re.compile(r"(?P<sign>[+-]?)(?P<amount>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>[a-zA-Z%]*)")
PERCENT, POINTS = "%", "pp"
# Unit -> how many of the quantity's own.
_BYTES = {"": 1, "B": 1, "bytes": 1, "kB": 1000, "KiB": 1024, "MiB": 1024**2}
_COUNTS = {"": 1, "lsb": 1, "LSB": 1, "elements": 1, "vectors": 1}
_COUNTER_UNITS = {
    "cycles": CounterUnit.CYCLES,
    "instructions": CounterUnit.INSTRUCTIONS,
    "instr": CounterUnit.INSTRUCTIONS,
}
_SECONDS = {"ms": 1e-3, "us": 1e-6}
_UNITS = {
    Dimension.LATENCY: ("", PERCENT, *_COUNTER_UNITS, *_SECONDS),
    Dimension.BYTES: (PERCENT, *_BYTES),
    Dimension.ACCURACY: ("", PERCENT, POINTS),
    Dimension.COUNT: (PERCENT, *_COUNTS),
}
DEFAULT_GATE = (
    "latency.median:+2%",
    "arena.used:0",
    "flash.total:+1KiB",
    "outputs.max_lsb:0",
)
DEFAULT_SHARE, DEFAULT_OTHER = "accuracy:0.5pp", "accuracy:1%"


@dataclass(frozen=True)
class Expression:
    """One limit on how much worse a quantity may be than the baseline's."""

    text: str
    quantity: Quantity
    sign: str
    amount: float
    unit: str

    def check_direction(self, better: Better) -> None:
        """Raises ConfigError when the sign asks for an improvement: nothing would ever pass it."""
        improving = "+" if better is Better.HIGHER else "-"
        if self.sign == improving and self.amount:
            other = "-" if improving == "+" else "+"
            raise ConfigError(
                f"{self.text}: of {self.quantity.name} {better.value} is better, "
                "and a limit says how much worse it may be",
                hint=f"write {self.quantity.name}:{other}{self.amount:g}{self.unit}",
            )

    def allowed(self, before: BaselineEntry) -> tuple[float | None, str]:
        """How much worse it may be, in the quantity's own unit; None and why where the limit is not
        for such a run. Relative limits of 0 allow nothing.
        """
        value = self.quantity.value(before)
        if value is None:
            return None, "the baseline has no such figure"
        if self.unit == PERCENT:
            return abs(value) * self.amount / 100, ""
        match self.quantity.dimension:
            case Dimension.LATENCY:
                return self._allowed_latency(before)
            case Dimension.BYTES:
                return self.amount * _BYTES[self.unit], ""
            case Dimension.ACCURACY:
                return self._allowed_accuracy(before)
            case Dimension.COUNT:
                return self.amount, ""

    def _allowed_latency(self, before: BaselineEntry) -> tuple[float | None, str]:
        counts = before.counter_unit
        if self.unit in _SECONDS:
            if counts is not CounterUnit.CYCLES:
                return None, "an emulated board counts instructions, not time"
            return self.amount * _SECONDS[self.unit] * before.condition.core_clock_hz, ""
        if self.unit and _COUNTER_UNITS[self.unit] is not counts:
            return None, f"a limit in {self.unit}, and this board counts {counts.value}"
        return self.amount, ""

    def _allowed_accuracy(self, before: BaselineEntry) -> tuple[float | None, str]:
        if self.unit != POINTS:
            return self.amount, ""
        if before.accuracy_metric not in SHARES:
            return None, f"{before.accuracy_metric} is no share: it has no percentage points"
        return self.amount / 100, ""


def parse_expressions(texts: Iterable[str]) -> tuple[Expression, ...]:
    """All expressions in `texts`, of which each may hold several, separated by commas or blanks.

    Raises ConfigError for what is none, and for two on the same quantity.
    """
    words = [word for text in texts for word in re.split(r"[,\s]+", text) if word]
    expressions = tuple(_parse(word) for word in words)
    names = [expression.quantity.name for expression in expressions]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two gates on {name}", hint="give one limit for each")
    return expressions


def _parse(text: str) -> Expression:
    name, separator, limit = text.partition(":")
    quantity = quantity_named(name)
    match = _LIMIT.fullmatch(limit)
    if not separator or match is None:
        raise ConfigError(
            f"{text!r} is no gate", hint=f"write {name}:LIMIT, as in {name}:+2% or {name}:0"
        )
    unit = match["unit"]
    if unit not in _UNITS[quantity.dimension]:
        known = ", ".join(unit for unit in _UNITS[quantity.dimension] if unit)
        raise ConfigError(f"{text}: no unit {unit!r} for {name}", hint=f"there are {known}")
    if quantity.dimension is Dimension.LATENCY and not unit and float(match["amount"]):
        raise ConfigError(
            f"{text}: {match['amount']} what?",
            hint=f"write {text}%, {text}cycles or {text}instructions",
        )
    expression = Expression(text, quantity, match["sign"], float(match["amount"]), unit)
    if quantity.dimension is not Dimension.ACCURACY:
        expression.check_direction(Better.LOWER)
    return expression


def default_expressions(metric: str | None) -> tuple[Expression, ...]:
    """The gate when a baseline is given and no expression."""
    accuracy = () if metric is None else (DEFAULT_SHARE if metric in SHARES else DEFAULT_OTHER,)
    return parse_expressions((*DEFAULT_GATE, *accuracy))


def overlaid(
    general: tuple[Expression, ...], special: tuple[Expression, ...]
) -> tuple[Expression, ...]:
    """`general` with those on the same quantity replaced by `special`, which may add others."""
    taken = {expression.quantity.name for expression in special}
    kept = tuple(e for e in general if e.quantity.name not in taken)
    return (*kept, *special)
