"""The words of the domain as enumerations. Imports nothing, so that anything may import it."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The answer of one check."""

    PASS = "pass"
    FAIL = "fail"  # worse than its limit
    ERROR = "error"  # bench, build or link: says nothing about the model
    UNSUPPORTED = "unsupported"  # cannot run there, and why
    NEW = "new"  # nothing to judge by: no limit and no baseline
    SKIP = "skip"


class Kind(StrEnum):
    """What a board is. Results of the two are never compared."""

    HARDWARE = "hardware"
    EMULATED = "emulated"


class Scheme(StrEnum):
    """How a model is quantized, read from its tensors."""

    FLOAT32 = "float32"
    INT8 = "int8"
    INT16X8 = "int16x8"
    DYNAMIC = "dynamic"
    FLOAT16 = "float16"
    WEIGHT_ONLY = "weight_only"
    UINT8 = "uint8"  # of converters before 2020; nothing makes it any more
    INTEGER = "integer"  # integers without weights, as in signal processing


# What a float model can be converted to.
CONVERSIONS = (
    Scheme.FLOAT32,
    Scheme.INT8,
    Scheme.INT16X8,
    Scheme.DYNAMIC,
    Scheme.FLOAT16,
    Scheme.WEIGHT_ONLY,
)


class CheckName(StrEnum):
    """The questions put to a run."""

    OUTPUTS = "outputs"
    ACCURACY = "accuracy"
    LATENCY = "latency"
    ARENA = "arena"
    FLASH = "flash"


class CounterUnit(StrEnum):
    """What a latency counts: time needs silicon."""

    CYCLES = "cycles"
    INSTRUCTIONS = "instructions"


class RunOrigin(StrEnum):
    """What asked for a run."""

    SUITE = "suite"  # pytest, for a suite's checks
    RUN = "run"  # `hil run`
    PROFILE = "profile"  # `hil profile`: one vector
    NOISE = "noise"  # `hil noise`: the same image again and again


class GateOutcome(StrEnum):
    """The answer to one gate expression."""

    PASS = "pass"
    FAIL = "fail"  # worse than the baseline by more than the limit
    INCONCLUSIVE = "inconclusive"  # the samples do not tell, and the budget is spent
    NEW = "new"  # the baseline has no such entry, or its entry no such figure
    INCOMPARABLE = "incomparable"  # measured under other conditions
    ABSENT = "absent"  # this run has no such figure


class Better(StrEnum):
    """Which direction of a metric is the better one."""

    HIGHER = "higher"
    LOWER = "lower"


class InstructionClass(StrEnum):
    """What an instruction does; each is in exactly one class (docs/emulated-board.md)."""

    LOAD = "load"
    STORE = "store"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    BRANCH = "branch"
    FP = "fp"
    OTHER = "other"
    UNKNOWN = "unknown"  # executed outside the image's code: nobody can say what it was


# Accuracy metrics that are the share of vectors that are right.
SHARES = ("top1", "topk")
