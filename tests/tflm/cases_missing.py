"""Operators that the 2024 tree lacks, and what its rules give in their place."""

from __future__ import annotations

import numpy as np

from tests.models import Model, Tensor
from tests.tflm.one_operator import boolean, f32, floats, ints, one, two

ROW = f32(1, 8)
LARGER = two(
    two(
        one("RESHAPE", [f32(1, 2, 3, 2), ints(1, 2, 1, 3, 1, 2)], f32(1, 2, 1, 3, 1, 2)),
        one("TILE", [f32(1, 2, 1, 3, 1, 2), ints(1, 1, 2, 1, 2, 1)], f32(1, 2, 2, 3, 2, 2)),
    ),
    one("RESHAPE", [f32(1, 2, 2, 3, 2, 2), ints(1, 4, 6, 2)], f32(1, 4, 6, 2)),
)


def number(value: float) -> Tensor:
    return Tensor("FLOAT32", (1,), np.full(1, value, np.float32))


# operator -> (a model with it, one that computes the same)
INSTEAD: dict[str, tuple[Model, Model]] = {
    "POW": (one("POW", [ROW, number(2)], ROW), one("SQUARE", [ROW], ROW)),
    "REDUCE_MIN": (
        one("REDUCE_MIN", [f32(2, 8), ints(1)], f32(2)),
        two(
            two(
                one("NEG", [f32(2, 8)], f32(2, 8)), one("REDUCE_MAX", [f32(2, 8), ints(1)], f32(2))
            ),
            one("NEG", [f32(2)], f32(2)),
        ),
    ),
    "RELU_N1_TO_1": (
        one("RELU_N1_TO_1", [ROW], ROW),
        two(one("MINIMUM", [ROW, number(1)], ROW), one("MAXIMUM", [ROW, number(-1)], ROW)),
    ),
    "REVERSE_V2": (
        one("REVERSE_V2", [f32(2, 8), ints(1)], f32(2, 8)),
        one(
            "STRIDED_SLICE",
            [f32(2, 8), ints(0, 0), ints(2, 0), ints(1, -1)],
            f32(2, 8),
            beginMask=3,
            endMask=3,
        ),
    ),
    "SELECT": (
        one("SELECT", [boolean(2, 3), f32(2, 3), floats(2, 3)], f32(2, 3)),
        one("SELECT_V2", [boolean(2, 3), f32(2, 3), floats(2, 3)], f32(2, 3)),
    ),
    "TILE": (
        LARGER,
        one("RESIZE_NEAREST_NEIGHBOR", [f32(1, 2, 3, 2), ints(4, 6)], f32(1, 4, 6, 2)),
    ),
}
