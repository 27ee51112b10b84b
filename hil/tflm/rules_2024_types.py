"""Types that the kernels of TFLM's 2024 tree compute with.

Each signature is one combination that a kernel handles: types of the inputs, then those of the
outputs. `a|b` are alternatives, `?` marks an input that may be absent, `...` repeats the last
one, `any` is every type. Operators that are not listed look at their types nowhere.

Read in `tensorflow/lite/micro/kernels/` (Prepare and Eval of each file) and `signal/micro/kernels/`
of the crate pico-tflmicro-sys 0.1.0; ten operators have their kernels in `kernels/cmsis_nn/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

CMSIS_NN = "cmsis_nn"
REFERENCE = "reference"

_FLOAT = ("float32 -> float32",)
_FLOAT_INT8 = ("float32 -> float32", "int8 -> int8")
_FLOAT_INT8_INT16 = (*_FLOAT_INT8, "int16 -> int16")
_TWO_FLOATS = ("float32, float32 -> float32",)
_BOOLEANS = ("bool, bool -> bool",)
_ORDER = tuple(f"{t}, {t} -> bool" for t in ("float32", "int32", "int64", "int8"))


def _all(types: Iterable[str], pattern: str) -> tuple[str, ...]:
    """One signature for each type: `T` in the pattern stands for it."""
    return tuple(pattern.replace("T", name) for name in types)


_SAME_TWO = ("float32", "int8", "int16")
_REDUCE = tuple(f"{t}, int32 -> {t}" for t in ("float32", "int8", "int16"))
_CONV = (
    "float32, float32, float32? -> float32",
    "int8, int8|int4, int32? -> int8",
)

SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "ABS": _FLOAT_INT8_INT16,
    "ADD": _all((*_SAME_TWO, "int32"), "T, T -> T"),
    "ADD_N": ("float32... -> float32", "int8... -> int8"),
    "ARG_MAX": ("float32, int32 -> int32", "int8, int32 -> int32"),
    "ARG_MIN": ("float32, int32 -> int32", "int8, int32 -> int32"),
    "ASSIGN_VARIABLE": ("resource, any ->",),
    "AVERAGE_POOL_2D": _FLOAT_INT8_INT16,
    "BATCH_MATMUL": _all(_SAME_TWO, "T, T -> T"),
    "BATCH_TO_SPACE_ND": _all(("float32", "int8"), "T, int32, int32 -> T"),
    "BROADCAST_ARGS": _all(("int32", "int64"), "T, T -> T"),
    "BROADCAST_TO": _all(
        ("float32", "int8", "uint8", "int16", "int32", "int64", "bool"), "T, int32|int64 -> T"
    ),
    "CALL_ONCE": ("->",),
    "CAST": ("int8|int16|int32|uint32|float32|bool -> int8|int16|int32|uint32|float32",),
    "CEIL": _FLOAT,
    "CIRCULAR_BUFFER": ("int8 -> int8",),
    "CONCATENATION": _all(("float32", "int8", "int16", "int32", "int64", "bool"), "T... -> T"),
    "CONV_2D": (*_CONV, "int16, int8, int64|int32? -> int16"),
    "COS": _FLOAT,
    "CUMSUM": ("float32, int32 -> float32", "int8, int32 -> int8"),
    "DEPTHWISE_CONV_2D": (*_CONV, "int16, int8, int64? -> int16"),
    "DEPTH_TO_SPACE": _FLOAT_INT8,
    "DEQUANTIZE": ("int8|int16|uint8 -> float32",),
    "DIV": _all(("float32", "int8", "int32"), "T, T -> T"),
    "ELU": _FLOAT_INT8,
    "EMBEDDING_LOOKUP": ("int32, float32 -> float32", "int32, int8 -> int8|float32"),
    "EQUAL": (*_ORDER, "bool, bool -> bool"),
    "EXP": _FLOAT,
    "EXPAND_DIMS": ("float32, int32 -> float32", "int8, int32 -> int8"),
    "FILL": _all(("float32", "int32", "int8"), "int8|int16|int32|int64, T -> T"),
    "FLOOR": _FLOAT,
    "FLOOR_DIV": _TWO_FLOATS,
    "FLOOR_MOD": _TWO_FLOATS,
    "FULLY_CONNECTED": (*_CONV, "int16, int8, int64? -> int16"),
    "GATHER": ("float32, int32 -> float32", "int8, int32 -> int8"),
    "GATHER_ND": ("float32, int32 -> float32", "int8, int32 -> int8"),
    "GREATER": _ORDER,
    "GREATER_EQUAL": _ORDER,
    "HARD_SWISH": _FLOAT_INT8,
    "IF": ("bool, any... -> any...",),
    "L2_NORMALIZATION": _FLOAT_INT8,
    "L2_POOL_2D": _FLOAT,
    "LEAKY_RELU": _FLOAT_INT8_INT16,
    "LESS": _ORDER,
    "LESS_EQUAL": _ORDER,
    "LOG": _FLOAT,
    "LOGICAL_AND": _BOOLEANS,
    "LOGICAL_NOT": ("bool -> bool",),
    "LOGICAL_OR": _BOOLEANS,
    "LOGISTIC": _FLOAT_INT8_INT16,
    "LOG_SOFTMAX": _FLOAT_INT8,
    "MAXIMUM": _all(("float32", "int8", "int32", "int64"), "T, T -> T"),
    "MAX_POOL_2D": _FLOAT_INT8_INT16,
    "MEAN": _REDUCE,
    "MINIMUM": _all(("float32", "int8", "int32", "int64"), "T, T -> T"),
    "MIRROR_PAD": _all(("float32", "int8"), "T, int32|int64 -> T"),
    "MUL": _all((*_SAME_TWO, "int32"), "T, T -> T"),
    "NEG": _FLOAT,
    "NOT_EQUAL": (*_ORDER, "bool, bool -> bool"),
    "PACK": _all(("float32", "int8", "int32", "int64"), "T... -> T"),
    "PAD": _all((*_SAME_TWO, "int32"), "T, int32 -> T"),
    "PADV2": _all((*_SAME_TWO, "int32"), "T, int32, T -> T"),
    "PRELU": ("float32, float32 -> float32", "int8, int8 -> int8"),
    "QUANTIZE": (
        "float32 -> int8|int16",
        "int8 -> int8|uint8|int16|int32",
        "uint8 -> int8",
        "int16 -> int8|int16|int32",
        "int32 -> int8|int16",
    ),
    "READ_VARIABLE": ("resource -> any",),
    "REDUCE_MAX": ("float32, int32 -> float32", "int8, int32 -> int8"),
    "RELU": _FLOAT_INT8,
    "RELU6": _FLOAT_INT8,
    "RESIZE_BILINEAR": ("float32, int32 -> float32", "int8, int32 -> int8"),
    "RESIZE_NEAREST_NEIGHBOR": _all(_SAME_TWO, "T, int32 -> T"),
    "ROUND": _FLOAT,
    "RSQRT": _FLOAT_INT8,
    "SELECT_V2": _all(_SAME_TWO, "bool, T, T -> T"),
    "SHAPE": ("any -> int32",),
    "SIN": _FLOAT,
    "SLICE": (
        *_all((*_SAME_TWO, "int32", "bool"), "T, int32, int32 -> T"),
        *_all((*_SAME_TWO, "int32", "bool"), "T, int64, int64 -> T"),
    ),
    "SOFTMAX": (*_FLOAT_INT8_INT16, "int8 -> int16"),
    "SPACE_TO_BATCH_ND": _all(("float32", "int8"), "T, int32, int32 -> T"),
    "SPACE_TO_DEPTH": _FLOAT_INT8,
    "SPLIT": _all((*_SAME_TWO, "int32"), "int32, T -> T..."),
    "SPLIT_V": _all((*_SAME_TWO, "int32"), "T, any, int32 -> T..."),
    "SQRT": _FLOAT,
    "SQUARE": _FLOAT,
    "SQUARED_DIFFERENCE": _all((*_SAME_TWO, "int32"), "T, T -> T"),
    "STRIDED_SLICE": _all((*_SAME_TWO, "int32", "bool"), "T, int32, int32, int32 -> T"),
    "SUB": _all(_SAME_TWO, "T, T -> T"),
    "SUM": _REDUCE,
    "SVDF": (
        "float32, float32, float32, float32?, float32 -> float32",
        "int8, int8, int16, int32, int16 -> int8",
    ),
    "TANH": _FLOAT_INT8_INT16,
    "TRANSPOSE": ("float32, int32 -> float32", "int8, int32 -> int8"),
    "TRANSPOSE_CONV": (
        "int32, float32, float32, float32? -> float32",
        "int32, int8, int8, int32? -> int8",
        "int32, int8, int16, int64|int16? -> int16",
    ),
    "UNPACK": _all(("float32", "int8", "int32"), "T -> T..."),
    "WHILE": ("any... -> any...",),
    "ZEROS_LIKE": _all(("float32", "int8", "int32", "int64"), "T -> T"),
    "TFLite_Detection_PostProcess": (
        "float32, float32, float32 -> float32, float32, float32, float32",
    ),
    "SignalDelay": ("int16 -> int16",),
    "SignalEnergy": ("int16 -> uint32",),
    "SignalFftAutoScale": ("int16 -> int16, int32",),
    "SignalFilterBank": ("uint32, int16, int16, int16, int16, int16 -> uint64",),
    "SignalFilterBankLog": ("uint32 -> int16",),
    "SignalFilterBankSpectralSubtraction": ("uint32 -> uint32, uint32",),
    "SignalFilterBankSquareRoot": ("uint64, int32 -> uint32",),
    "SignalFramer": ("int16 -> int16, bool",),
    "SignalIrfft": _all(("int16", "int32", "float32"), "T -> T"),
    "SignalOverlapAdd": _all(("int16", "float32"), "T -> T"),
    "SignalPCAN": ("uint32, uint32, int16 -> uint32",),
    "SignalRfft": _all(("int16", "int32", "float32"), "T -> T"),
    "SignalStacker": ("int16 -> int16, bool",),
    "SignalWindow": ("int16, int16 -> int16",),
}

# What the registrations over the tree's reference headers take beyond that.
OWN_SIGNATURES: Mapping[tuple[str, str], tuple[str, ...]] = {
    (REFERENCE, "ADD"): _all((*_SAME_TWO, "int32", "int64"), "T, T -> T"),
    (REFERENCE, "FULLY_CONNECTED"): (*_CONV, "int16, int8, int64|int32? -> int16"),
    (REFERENCE, "MUL"): _all((*_SAME_TWO, "int32", "int64"), "T, T -> T"),
    (REFERENCE, "TRANSPOSE_CONV"): (
        "int32, float32, float32, float32? -> float32",
        "int32, int8, int8, int32? -> int8",
        "int32, int8, int16, int64|int32? -> int16",
    ),
}


@dataclass(frozen=True)
class Slot:
    """One tensor of a signature; without types any will do."""

    types: frozenset[str] | None
    optional: bool = False
    repeated: bool = False

    def takes(self, name: str | None) -> bool:
        """Whether a tensor of this type fits here; None is an absent one."""
        if name is None:
            return self.optional
        return self.types is None or name in self.types


@dataclass(frozen=True)
class Signature:
    """One combination of types that a kernel handles; `text` is how the table writes it."""

    text: str
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]

    def takes(self, inputs: Sequence[str | None], outputs: Sequence[str | None]) -> bool:
        """Whether tensors of these types (schema names, None where one is absent) fit."""
        return _fits(self.inputs, inputs) and _fits(self.outputs, outputs)


def _fits(slots: tuple[Slot, ...], names: Sequence[str | None]) -> bool:
    for index in range(max(len(slots), len(names))):
        slot = slots[index] if index < len(slots) else slots[-1] if slots else None
        if slot is None or (index >= len(slots) and not slot.repeated):
            return False
        name = names[index] if index < len(names) else None
        if index >= len(names) and slot.repeated and index > 0:
            continue
        if not slot.takes(name):
            return False
    return True


@cache
def parse_signature(text: str) -> Signature:
    """A signature as the table writes it: 'int8, int8|int4, int32? -> int8'."""
    before, _, after = text.partition("->")
    return Signature(text.strip(), _slots(before), _slots(after))


def _slots(text: str) -> tuple[Slot, ...]:
    return tuple(_slot(part.strip()) for part in text.split(",") if part.strip())


def _slot(text: str) -> Slot:
    repeated = text.endswith("...")
    optional = text.endswith("?")
    names = text.removesuffix("...").removesuffix("?").upper().split("|")
    return Slot(None if names == ["ANY"] else frozenset(names), optional, repeated)


def signatures(operator: str, kernels: str) -> tuple[Signature, ...]:
    """What an operator's kernel takes; () when it looks at types nowhere."""
    texts = OWN_SIGNATURES.get((kernels, operator), SIGNATURES.get(operator, ()))
    return tuple(parse_signature(text) for text in texts)
