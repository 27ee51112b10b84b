"""Tensors and models of one operator, for tests of rules and kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tests.models import Model, Operator, Tensor

SAME, VALID = 0, 1
RELU, RELU6, TANH = 1, 3, 4
INT32_TYPE = 2  # TensorType.INT32
CONV = {
    "padding": SAME,
    "strideW": 1,
    "strideH": 1,
    "dilationWFactor": 1,
    "dilationHFactor": 1,
}
DEPTHWISE = {**CONV, "depthMultiplier": 1}
POOL = {"padding": SAME, "strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}


def one(
    name: str,
    inputs: Sequence[Tensor | None],
    *outputs: Tensor,
    version: int = 1,
    **settings: Any,
) -> Model:
    """A model of one operator; inputs without data are the model's, None is an absent one."""
    there = [tensor for tensor in inputs if tensor is not None]
    numbers = iter(range(len(there)))
    indices = [-1 if tensor is None else next(numbers) for tensor in inputs]
    free = [i for i, tensor in enumerate(there) if tensor.data is None and not tensor.is_variable]
    made = list(range(len(there), len(there) + len(outputs)))
    operator = Operator(name, indices, made, version, settings)
    return Model([*there, *outputs], [operator], free, made)


def two(first: Model, second: Model) -> Model:
    """`second` after `first`: its first input is the first output of `first`."""
    shift = len(first.tensors)

    def moved(index: int) -> int:
        if index < 0:
            return index
        return first.outputs[0] if index == second.inputs[0] else index + shift

    operators = [
        replace(o, inputs=[moved(i) for i in o.inputs], outputs=[moved(i) for i in o.outputs])
        for o in second.operators
    ]
    inputs = [*first.inputs, *(i + shift for i in second.inputs[1:])]
    return Model(
        [*first.tensors, *second.tensors],
        [*first.operators, *operators],
        inputs,
        [i + shift for i in second.outputs],
    )


def side_by_side(several: Sequence[Model]) -> Model:
    """One model that computes all of them, each from its own inputs."""
    whole = Model([], [], [], [])
    inputs: list[int] = []
    outputs: list[int] = []
    for model in several:
        shift = len(whole.tensors)
        whole.tensors += model.tensors
        whole.operators += [_moved(operator, shift) for operator in model.operators]
        inputs += [index + shift for index in model.inputs]
        outputs += [index + shift for index in model.outputs]
    return replace(whole, inputs=inputs, outputs=outputs)


def _moved(operator: Operator, shift: int) -> Operator:
    def moved(indices: Sequence[int]) -> list[int]:
        return [index + shift if index >= 0 else index for index in indices]

    return replace(
        operator,
        inputs=moved(operator.inputs),
        outputs=moved(operator.outputs),
        intermediates=moved(operator.intermediates),
    )


def f32(*shape: int) -> Tensor:
    return Tensor("FLOAT32", shape)


def i32(*shape: int) -> Tensor:
    return Tensor("INT32", shape)


def i64(*shape: int) -> Tensor:
    return Tensor("INT64", shape)


def boolean(*shape: int) -> Tensor:
    return Tensor("BOOL", shape)


def i8(*shape: int, scale: float = 0.1, zero: int = 0) -> Tensor:
    return Tensor("INT8", shape, scales=(scale,), zero_points=(zero,))


def i16(*shape: int, scale: float = 0.001, zero: int = 0) -> Tensor:
    return Tensor("INT16", shape, scales=(scale,), zero_points=(zero,))


def u8(*shape: int, scale: float = 0.1, zero: int = 0) -> Tensor:
    return Tensor("UINT8", shape, scales=(scale,), zero_points=(zero,))


def _random(shape: Sequence[int], low: int, high: int) -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(sum(shape) + high)
    return generator.integers(low, high, tuple(shape))


def floats(*shape: int) -> Tensor:
    """A float32 constant."""
    return Tensor("FLOAT32", shape, (_random(shape, -64, 64) / 64).astype(np.float32))


def weights(
    *shape: int, scales: Sequence[float] = (0.02,), dimension: int = 0, zero: int = 0
) -> Tensor:
    """int8 weights."""
    zeros = [zero] * len(scales)
    data = _random(shape, -127, 128).astype(np.int8)
    return Tensor("INT8", shape, data, scales, zeros, quantized_dimension=dimension)


def nibbles(*shape: int) -> Tensor:
    """int4 weights, two in a byte."""
    values = _random(shape, -7, 8).astype(np.int8).ravel()
    values = np.append(values, 0)[: len(values) + len(values) % 2] & 15
    return Tensor("INT4", shape, (values[0::2] | values[1::2] << 4).astype(np.uint8), (0.02,), (0,))


def bias(count: int, scale: float = 0.002) -> Tensor:
    """An int32 bias."""
    return Tensor("INT32", (count,), _random((count,), -500, 500).astype(np.int32), (scale,), (0,))


def long_bias(count: int) -> Tensor:
    """An int64 bias."""
    data = _random((count,), -5000, 5000).astype(np.int64)
    return Tensor("INT64", (count,), data, (0.00002,), (0,))


def ints(*values: int) -> Tensor:
    """An int32 constant of one dimension."""
    return Tensor("INT32", (len(values),), np.array(values, np.int32))


def longs(*values: int) -> Tensor:
    """An int64 constant of one dimension."""
    return Tensor("INT64", (len(values),), np.array(values, np.int64))


def pairs(*values: tuple[int, int]) -> Tensor:
    """Paddings."""
    return Tensor("INT32", (len(values), 2), np.array(values, np.int32))
