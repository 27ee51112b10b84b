"""Differences from a judge that are no fault of the tree, each with its reason and place.

An explanation names the operator, the types, the judge and the most that may be between them: a
larger difference is not explained. Where a judge errs, plain arithmetic judges instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from flatbuffers import flexbuffers

from tests.sweep.batches import Task
from tests.sweep.draft import Array

LITERT, WHEEL = "LiteRT", "wheel"
Outputs = Sequence[Array]
# Operands of int16 are shifted left by 15 bits before they are scaled: of a step of the result that
# leaves less than this.
HALF_WAY = 1e-3
# Real values that a fused activation lets through, by its number in the schema.
CLAMPS = {1: (0, np.inf), 2: (-1, 1), 3: (0, 6)}


def one_step(task: Task, found: Outputs, expected: Outputs) -> bool:
    """All integers within 1."""
    del task
    return all(_within(mine, theirs, 1) for mine, theirs in zip(found, expected, strict=True))


def slope_outside(task: Task, found: Outputs, expected: Outputs) -> bool:
    """All integers within 1, and the slope of LEAKY_RELU is negative or above 1."""
    alpha = (task.drawn.model.operators[0].settings or {})["alpha"]
    return not 0 <= alpha <= 1 and one_step(task, found, expected)


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


def true_quotient(task: Task, found: Outputs, expected: Outputs) -> bool:
    """Within 1 of the quotient of real values, clamped by activation and type."""
    del expected
    model = task.drawn.model
    operator = model.operators[0]
    dividend, divisor = (_real(task, index) for index in operator.inputs)
    result = model.tensors[operator.outputs[0]]
    low, high = CLAMPS.get((operator.settings or {})["fusedActivationFunction"], (-np.inf, np.inf))
    quotients = np.clip(dividend / divisor, low, high).reshape(found[0].shape)
    limits = np.iinfo(found[0].dtype)
    steps = np.round(quotients / result.scales[0] + result.zero_points[0])
    return _within(found[0], np.clip(steps, limits.min, limits.max), 1)


def half_way(task: Task, found: Outputs, expected: Outputs) -> bool:
    """All integers within 1, and where they differ the real difference of both operands lies half
    way between two integers.
    """
    model = task.drawn.model
    left, right = (_real(task, index) for index in model.operators[0].inputs)
    result = model.tensors[model.operators[0].outputs[0]]
    steps = ((left - right) / result.scales[0] + result.zero_points[0]).reshape(found[0].shape)
    lies_half_way = np.abs(steps - np.floor(steps) - 0.5) < HALF_WAY
    return one_step(task, found, expected) and bool(
        np.all(lies_half_way | (found[0] == expected[0]))
    )


def those_detected(task: Task, found: Outputs, expected: Outputs) -> bool:
    """Equal up to the number of detections, which is the last output, without regular NMS."""
    settings = flexbuffers.Loads(task.drawn.model.operators[0].custom_options)
    if settings["use_regular_nms"] or not np.array_equal(found[3], expected[3]):
        return False
    return all(
        np.allclose(mine[: int(count)], theirs[: int(count)], rtol=1e-5, atol=1e-6)
        for outputs, others in zip(found[:3], expected[:3], strict=True)
        for mine, theirs, count in zip(
            outputs[:, 0], others[:, 0], found[3].reshape(-1), strict=True
        )
    )


def _real(task: Task, index: int) -> Array:
    """Real values of an operand of all vectors, ready to be broadcast to the result's rank."""
    model = task.drawn.model
    tensor = model.tensors[index]
    rank = len(model.tensors[model.outputs[0]].shape)
    if index in model.inputs:
        values = task.inputs[list(model.inputs).index(index)]
    else:
        values = np.asarray(tensor.data)[np.newaxis]
    ones = (1,) * (rank - len(tensor.shape))
    aligned = values.reshape(values.shape[0], *ones, *tensor.shape)
    return np.asarray((aligned.astype(np.float64) - tensor.zero_points[0]) * tensor.scales[0])


def activation_left_out(task: Task, found: Outputs, expected: Outputs) -> bool:
    """What is expected becomes what was found when the fused activation clamps it."""
    number = (task.drawn.model.operators[0].settings or {})["fusedActivationFunction"]
    if number not in CLAMPS:
        return False
    low, high = CLAMPS[number]
    return bool(np.array_equal(np.clip(expected[0], low, high), found[0]))


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
    Explanation(
        "TFLM and LiteRT fill the tables of int16 SOFTMAX (LUTPopulate, kernels/internal/common.h) "
        "with other roundings: tree and wheel agree",
        LITERT,
        {"SOFTMAX"},
        {"INT16"},
        one_step,
    ),
    Explanation(
        "LiteRT's int8 FULLY_CONNECTED rounds once, TFLM twice: a high product, then a shift "
        "(MultiplyByQuantizedMultiplier, kernels/internal/common.cpp; arm_nn_requantize)",
        LITERT,
        {"FULLY_CONNECTED"},
        {"INT8", "INT4"},
        one_step,
    ),
    *(
        Explanation(
            "a slope that is negative or above 1 has a multiplier that newer TFLM and LiteRT round "
            "another way where a value lies half way (MultiplyByQuantizedMultiplier)",
            judge,
            {"LEAKY_RELU"},
            {"INT8", "INT16"},
            slope_outside,
        )
        for judge in (LITERT, WHEEL)
    ),
    *(
        Explanation(
            "int8 DIV shifts by over 31 bits where a quotient is tiny (reference/div.h), x86 by "
            "that modulo 32: the true quotient judges",
            judge,
            {"DIV"},
            {"INT8"},
            true_quotient,
        )
        for judge in (LITERT, WHEEL)
    ),
    Explanation(
        "LiteRT computes the sigmoid and tanh of int8 LSTM's gates, TFLM takes them from a table "
        "(reference/integer_ops/logistic.h): tree and wheel agree",
        LITERT,
        {"UNIDIRECTIONAL_SEQUENCE_LSTM"},
        {"INT8"},
        one_step,
    ),
    *(
        Explanation(
            "newer TFLM and LiteRT round int16 SUB another way within 1/1000 of half way "
            "(MultiplyByQuantizedMultiplier)",
            judge,
            {"SUB"},
            {"INT16"},
            half_way,
        )
        for judge in (LITERT, WHEEL)
    ),
    *(
        Explanation(
            "without use_regular_nms nothing is written beyond the number of detections "
            "(NonMaxSuppressionMultiClassFastHelper, kernels/detection_postprocess.cpp)",
            judge,
            {"TFLite_Detection_PostProcess"},
            {"FLOAT32"},
            those_detected,
        )
        for judge in (LITERT, WHEEL)
    ),
    Explanation(
        "the wheel's int32 ADD leaves out the fused activation (micro/kernels/add.cc), LiteRT and "
        "our reference kernel apply it",
        WHEEL,
        {"ADD"},
        {"INT32"},
        activation_left_out,
        libraries=("reference",),
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
