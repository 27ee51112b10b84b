"""Shapes, constants and options that kernels of TFLM's 2024 tree take for granted.

Places: `K/` = `tensorflow/lite/micro/kernels/`, `R/` =
`tensorflow/lite/kernels/internal/reference/`. With ARDUINO defined, as this tree must be compiled,
a failed TFLITE_DCHECK is ignored: where only that guards an array, more dimensions write past it. A
failed TFLITE_CHECK halts the processor.
"""

from __future__ import annotations

from collections.abc import Mapping

from hil.model.rule import I8, I16, Rule
from hil.tflm.predicates import (
    Ranks,
    broadcast_rule,
    constant_rule,
    missing_options_rule,
    rank_rule,
)

# RuntimeShape::kMaxSmallSize; RESHAPE and SQUEEZE copy bytes and look at no shape.
MAX_RANK = 6
ANY_RANK = frozenset({"RESHAPE", "SQUEEZE"})
_FOUR = (Ranks(0, 4, 4),)
_UP_TO_FOUR = (Ranks(0, 0, 4),)
_UP_TO_FIVE = (Ranks(0, 0, 5),)

RANKS: Mapping[str, tuple[Ranks, ...]] = {
    "AVERAGE_POOL_2D": _FOUR,
    "BATCH_MATMUL": (Ranks(0, 2, 5), Ranks(1, 2, 5)),
    "BATCH_TO_SPACE_ND": (Ranks(0, 3, 4),),
    "BROADCAST_ARGS": (Ranks(0, 1, 1), Ranks(1, 1, 1)),
    "BROADCAST_TO": _UP_TO_FIVE,
    "CONV_2D": (Ranks(0, 4, 4), Ranks(1, 4, 4)),
    "CUMSUM": (Ranks(0, 1, MAX_RANK),),
    "DEPTHWISE_CONV_2D": (Ranks(0, 4, 4), Ranks(1, 4, 4)),
    "DEPTH_TO_SPACE": _FOUR,
    "EMBEDDING_LOOKUP": (Ranks(0, 1, 1), Ranks(1, 2, MAX_RANK)),
    "EXPAND_DIMS": (Ranks(0, 0, MAX_RANK - 1), Ranks(1, 0, 1)),
    "FILL": (Ranks(0, 1, 1), Ranks(1, 0, 0)),
    "FULLY_CONNECTED": (Ranks(1, 2, 2),),
    "L2_NORMALIZATION": _UP_TO_FOUR,
    "L2_POOL_2D": _FOUR,
    "MAX_POOL_2D": _FOUR,
    "MEAN": _UP_TO_FIVE,
    "PAD": _UP_TO_FIVE,
    "PADV2": _UP_TO_FIVE,
    "PRELU": (Ranks(0, 0, 4), Ranks(1, 0, 4)),
    "RESIZE_BILINEAR": _FOUR,
    "RESIZE_NEAREST_NEIGHBOR": _FOUR,
    "SLICE": _UP_TO_FIVE,
    "SOFTMAX": (Ranks(0, 1, MAX_RANK),),
    "SPACE_TO_BATCH_ND": (Ranks(0, 3, 4),),
    "SPACE_TO_DEPTH": _FOUR,
    "STRIDED_SLICE": _UP_TO_FOUR,
    "SUM": _UP_TO_FIVE,
    "SVDF": (Ranks(0, 2, 2),),
    "TRANSPOSE": _UP_TO_FIVE,
    "TRANSPOSE_CONV": (Ranks(1, 4, 4), Ranks(2, 4, 4)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (Ranks(0, 3, 3),),
    "SignalEnergy": (Ranks(0, 1, 1),),
    "SignalFftAutoScale": (Ranks(0, 1, 1),),
    "SignalFilterBank": tuple(Ranks(index, 1, 1) for index in range(6)),
    "SignalFilterBankLog": (Ranks(0, 1, 1),),
    "SignalFilterBankSpectralSubtraction": (Ranks(0, 1, 1),),
    "SignalFilterBankSquareRoot": (Ranks(0, 1, 1), Ranks(1, 0, 0)),
    "SignalOverlapAdd": (Ranks(0, 2, MAX_RANK),),
    "SignalPCAN": tuple(Ranks(index, 1, 1) for index in range(3)),
    "SignalStacker": (Ranks(0, 1, 1),),
    "SignalWindow": (Ranks(0, 1, MAX_RANK), Ranks(1, 1, 1)),
}
# NdArrayDesc<N> of the broadcasting loops: R/comparisons.h, R/binary_function.h, R/prelu.h,
# R/div.h, R/maximum_minimum.h, R/select.h.
BROADCASTS: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "EQUAL",
            "NOT_EQUAL",
            "GREATER",
            "GREATER_EQUAL",
            "LESS",
            "LESS_EQUAL",
            "LOGICAL_AND",
            "LOGICAL_OR",
            "FLOOR_DIV",
            "FLOOR_MOD",
            "SQUARED_DIFFERENCE",
        ),
        4,
    ),
    **dict.fromkeys(("DIV", "MAXIMUM", "MINIMUM", "SELECT_V2"), 5),
}
# R/integer_ops/add.h has six dimensions for what SQUARED_DIFFERENCE does with integers.
MORE_DIMENSIONS = {"SQUARED_DIFFERENCE": (I8, I16)}
# Read in Prepare, when only constants have their data.
CONSTANTS: Mapping[str, Mapping[int, str]] = {
    "BROADCAST_TO": {1: "its shape"},
    "EXPAND_DIMS": {1: "its axis"},
    "PAD": {1: "its paddings"},
    "PADV2": {1: "its paddings"},
    "RESIZE_BILINEAR": {1: "its size"},
    "RESIZE_NEAREST_NEIGHBOR": {1: "its size"},
    "SPLIT": {0: "its axis"},
    "SPLIT_V": {2: "its axis"},
    "STRIDED_SLICE": {1: "begin", 2: "end", 3: "strides"},
    "TRANSPOSE": {1: "its permutation"},
}
# Without them a stride, a count or a factor is 0.
NEEDS_OPTIONS = frozenset(
    {
        "AVERAGE_POOL_2D",
        "CALL_ONCE",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DEPTH_TO_SPACE",
        "IF",
        "L2_POOL_2D",
        "MAX_POOL_2D",
        "MIRROR_PAD",
        "PACK",
        "SPACE_TO_DEPTH",
        "SVDF",
        "TRANSPOSE_CONV",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNPACK",
        "VAR_HANDLE",
        "WHILE",
    }
)
MAX_CONCATENATION_INPUTS = 10  # K/concatenation.cpp kMaxInputNum


RULES: tuple[Rule, ...] = (
    missing_options_rule(NEEDS_OPTIONS, "TFLM would take every one as 0"),
    rank_rule(RANKS, MAX_RANK, ANY_RANK),
    broadcast_rule(BROADCASTS, MORE_DIMENSIONS),
    constant_rule(CONSTANTS, "TFLM reads it before anything is computed"),
)
