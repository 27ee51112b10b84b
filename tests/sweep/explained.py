"""Differences from a judge that are no fault of the tree, each with its reason and place.

An explanation names the operator, the types, the judge and the most that may be between them: a
larger difference is not explained. Where a judge errs, plain arithmetic judges instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from tests.sweep.batches import Task
from tests.sweep.draft import Array

LITERT, WHEEL = "LiteRT", "wheel"
Outputs = Sequence[Array]


def one_step(task: Task, found: Outputs, expected: Outputs) -> bool:
    """All integers within 1."""
    del task
    return all(_within(mine, theirs, 1) for mine, theirs in zip(found, expected, strict=True))


def true_sum(task: Task, found: Outputs, expected: Outputs) -> bool:
    """Within 1 of the sum of real values, saturated."""
    del expected
    tensors = task.drawn.model.tensors
    operator = task.drawn.model.operators[0]
    source, result = tensors[operator.inputs[0]], tensors[operator.outputs[0]]
    rank = len(source.shape)
    written = np.atleast_1d(tensors[operator.inputs[1]].data)
    axes = tuple({int(axis) % rank + 1 for axis in written})
    values = (task.inputs[0].astype(np.float64) - source.zero_points[0]) * source.scales[0]
    sums = values.sum(axes).reshape(found[0].shape) / result.scales[0] + result.zero_points[0]
    limits = np.iinfo(found[0].dtype)
    return _within(found[0], np.clip(np.round(sums), limits.min, limits.max), 1)


@dataclass(frozen=True)
class Explanation:
    """Why outputs may differ from those of `judge`. `holds` gets the task, outputs, expected ones.

    `libraries` are the kernel libraries it is about.
    """

    reason: str
    judge: str
    operators: Collection[str]
    types: Collection[str]
    holds: Callable[[Task, Outputs, Outputs], bool]
    libraries: Collection[str] = ("reference", "cmsis_nn")


EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "LiteRT's reference SUM wraps around where TFLM saturates: the true sum judges",
        LITERT,
        {"SUM"},
        {"INT8", "INT16"},
        true_sum,
    ),
    Explanation(
        "LiteRT scales int16 FULLY_CONNECTED by a multiplier of 31 bits, TFLM by one of 16 "
        "(MultiplyByQuantizedMultiplier of int64, kernels/internal/common.cpp)",
        LITERT,
        {"FULLY_CONNECTED"},
        {"INT16"},
        one_step,
    ),
)


def explanation(task: Task, library: str, judge: str, found: Outputs, expected: Outputs) -> str:
    """The reason why `found` may differ from what `judge` expects, "" when there is none."""
    drawn = task.drawn
    for each in EXPLANATIONS:
        if (
            judge == each.judge
            and drawn.operator in each.operators
            and drawn.type in each.types
            and library in each.libraries
            and each.holds(task, found, expected)
        ):
            return each.reason
    return ""


def _within(found: Array, expected: Array, most: float) -> bool:
    if found.shape != expected.shape:
        return False
    apart = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    return bool(np.all(apart <= most))
