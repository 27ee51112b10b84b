"""What a gate can hold against a baseline: one table, from which messages and docs follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from hil.errors import ConfigError, did_you_mean
from hil.gate.entry import BaselineEntry
from hil.record import Metrics
from hil.vocab import Better, CheckName


class Dimension(StrEnum):
    """What kind of number a quantity is; its limits' units follow."""

    LATENCY = "latency"  # instructions or cycles
    BYTES = "bytes"
    ACCURACY = "accuracy"  # the suite's metric
    COUNT = "count"


@dataclass(frozen=True)
class Quantity:
    """One figure of a run. `value` gives it, None where the run does not have it."""

    name: str
    check: CheckName
    dimension: Dimension
    value: Callable[[BaselineEntry], float | int | None]
    sentence: str

    def better(self, entry: BaselineEntry) -> Better:
        """The direction in which it improves: that of the suite's metric, lower for all others."""
        if self.dimension is Dimension.ACCURACY:
            return entry.accuracy_better or Better.HIGHER
        return Better.LOWER

    def unit(self, entry: BaselineEntry) -> str:
        """The unit of `value`, for people."""
        if self.dimension is Dimension.LATENCY:
            return entry.counter_unit.value
        if self.dimension is Dimension.ACCURACY:
            return entry.accuracy_metric or ""
        return "bytes" if self.dimension is Dimension.BYTES else self.name.rpartition("_")[2]


def _metric(field: str) -> Callable[[BaselineEntry], float | int | None]:
    def value(entry: BaselineEntry) -> float | int | None:
        found: float | int | None = getattr(entry.metrics, field)
        return found

    assert field in Metrics.model_fields
    return value


def _timed(statistic: str) -> Callable[[BaselineEntry], float | int | None]:
    """A latency in whichever unit the board counts."""

    def value(entry: BaselineEntry) -> float | int | None:
        found: float | int | None = getattr(
            entry.metrics, f"latency_{statistic}_{entry.counter_unit.value}"
        )
        return found

    return value


def _latency(statistic: str, sentence: str) -> Quantity:
    name = f"latency.{statistic}"
    return Quantity(name, CheckName.LATENCY, Dimension.LATENCY, _timed(statistic), sentence)


def _bytes(name: str, check: CheckName, field: str, sentence: str) -> Quantity:
    return Quantity(name, check, Dimension.BYTES, _metric(field), sentence)


def _count(name: str, field: str, sentence: str) -> Quantity:
    return Quantity(name, CheckName.OUTPUTS, Dimension.COUNT, _metric(field), sentence)


_ALL = (
    _latency("median", "median of Invoke"),
    _latency("min", "the least"),
    _latency("p90", "90th percentile"),
    _latency("p99", "99th percentile, from 1,000 samples on"),
    _bytes("arena.used", CheckName.ARENA, "arena_used_bytes", "what TFLM reports as used"),
    _bytes("arena.head", CheckName.ARENA, "arena_head_bytes", "of that, activations"),
    _bytes("arena.tail", CheckName.ARENA, "arena_tail_bytes", "of that, the interpreter's data"),
    _bytes("ram.static", CheckName.ARENA, "ram_static_bytes", "variables besides arena and stack"),
    _bytes("stack.used", CheckName.ARENA, "stack_used_bytes", "the most in use"),
    _bytes("flash.total", CheckName.FLASH, "flash_bytes", "all that is programmed"),
    _bytes("flash.model", CheckName.FLASH, "flash_model_bytes", "of that, the model"),
    _bytes("flash.code", CheckName.FLASH, "flash_code_bytes", "of that, everything else"),
    _bytes("flash.kernels", CheckName.FLASH, "flash_kernels_bytes", "the operators' code"),
    _bytes("flash.interpreter", CheckName.FLASH, "flash_interpreter_bytes", "the rest of TFLM"),
    _bytes("flash.harness", CheckName.FLASH, "flash_harness_bytes", "the harness"),
    _bytes("flash.library", CheckName.FLASH, "flash_library_bytes", "the compiler's and C's"),
    Quantity(
        "accuracy",
        CheckName.ACCURACY,
        Dimension.ACCURACY,
        _metric("accuracy_device"),
        "the suite's metric on the device's outputs",
    ),
    Quantity(
        "outputs.max_lsb",
        CheckName.OUTPUTS,
        Dimension.COUNT,
        lambda entry: entry.outputs_max_lsb,
        "integers: the largest difference to host TFLM",
    ),
    _count(
        "outputs.differing_elements",
        "outputs_differing_elements",
        "how many output elements differ from host TFLM's",
    ),
    _count("outputs.differing_vectors", "outputs_differing_vectors", "in how many vectors"),
)
QUANTITIES = {quantity.name: quantity for quantity in _ALL}


def quantity_named(name: str) -> Quantity:
    """The quantity called `name`. Raises ConfigError."""
    if name not in QUANTITIES:
        raise ConfigError(f"there is no gate on {name!r}", hint=did_you_mean(name, QUANTITIES))
    return QUANTITIES[name]
