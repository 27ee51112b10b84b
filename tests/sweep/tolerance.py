"""When two outputs are the same: integers bit for bit, floats by the operator's rounding."""

from __future__ import annotations

import numpy as np

from tests.sweep.draft import Array

# Float operators that round nothing: they move, compare or pick values.
EXACT = frozenset(
    [
        "ABS",
        "ARG_MAX",
        "ARG_MIN",
        "BATCH_TO_SPACE_ND",
        "BROADCAST_TO",
        "CAST",
        "CEIL",
        "CONCATENATION",
        "DEPTH_TO_SPACE",
        "EMBEDDING_LOOKUP",
        "EQUAL",
        "EXPAND_DIMS",
        "FILL",
        "FLOOR",
        "GATHER",
        "GATHER_ND",
        "GREATER",
        "GREATER_EQUAL",
        "LESS",
        "LESS_EQUAL",
        "MAXIMUM",
        "MAX_POOL_2D",
        "MINIMUM",
        "MIRROR_PAD",
        "NEG",
        "NOT_EQUAL",
        "PACK",
        "PAD",
        "PADV2",
        "REDUCE_MAX",
        "RELU",
        "RELU6",
        "RESHAPE",
        "RESIZE_NEAREST_NEIGHBOR",
        "ROUND",
        "SELECT_V2",
        "SHAPE",
        "SLICE",
        "SPACE_TO_BATCH_ND",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SPLIT_V",
        "SQUEEZE",
        "STRIDED_SLICE",
        "TRANSPOSE",
        "UNPACK",
        "ZEROS_LIKE",
    ]
)
# Half a unit in the last place of float32 is 6e-8 of a value: one operation rounds once, a
# transcendental function of a C library is within a few.
FUNCTION_RELATIVE = 1e-6
# Sums are bounded by their largest term: a few roundings each, in another order.
SUM_RELATIVE = 2e-5
FUNCTIONS = frozenset(
    [
        "ADD",
        "ADD_N",
        "COS",
        "DEQUANTIZE",
        "DIV",
        "ELU",
        "EXP",
        "FLOOR_DIV",
        "HARD_SWISH",
        "LEAKY_RELU",
        "LOG",
        "LOGISTIC",
        "MUL",
        "PRELU",
        "RSQRT",
        "SIN",
        "SQRT",
        "SQUARE",
        "SQUARED_DIFFERENCE",
        "SUB",
        "TANH",
    ]
)


def same(operator: str, found: Array, expected: Array) -> bool:
    """Whether `found` is what `expected` says, for an output of this operator."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return False
    if found.dtype.kind != "f":
        return bool(np.array_equal(found, expected))
    finite = np.isfinite(expected)
    if not np.array_equal(finite, np.isfinite(found)):
        return False
    if not np.array_equal(found[~finite], expected[~finite], equal_nan=True):
        return False
    if operator in EXACT:
        return bool(np.array_equal(found[finite], expected[finite]))
    return bool(np.all(np.abs(found - expected)[finite] <= _bound(operator, expected)[finite]))


def _bound(operator: str, expected: Array) -> Array:
    if operator in FUNCTIONS:
        # Near a zero of sine or a difference the error is that of the operands.
        return np.asarray(FUNCTION_RELATIVE * np.maximum(np.abs(expected), 1.0))
    finite = np.abs(expected[np.isfinite(expected)])
    largest = float(finite.max()) if finite.size else 0.0
    return np.full(expected.shape, SUM_RELATIVE * max(largest, 1.0))


def difference(found: Array, expected: Array) -> str:
    """How far apart two outputs are, for people."""
    if found.shape != expected.shape:
        return f"shape {found.shape} instead of {expected.shape}"
    if found.dtype != expected.dtype:
        return f"{found.dtype} instead of {expected.dtype}"
    wide = found.astype(np.float64) - expected.astype(np.float64)
    unequal = int(np.count_nonzero(found != expected))
    most = float(np.nanmax(np.abs(wide))) if wide.size else 0.0
    return f"{unequal} of {found.size} values, by at most {most:g}"
