"""Models of one operator, with the odd settings in which kernels go wrong, made from a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.models import Model, Operator, Tensor, write

NUMPY_TYPES = {
    "FLOAT32": np.float32,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
Shape = Sequence[int]


@dataclass(frozen=True)
class Kind:
    """The types of an operator with weights, and whether its weights have a scale per channel."""

    values: str
    weights: str
    bias: str | None
    per_channel: bool = False

    @property
    def is_float(self) -> bool:
        return self.values == "FLOAT32"

    @property
    def bias_setting(self) -> dict[str, Any]:
        """LiteRT reads the bias of int16 values as the type that the options name."""
        if self.values != "INT16" or self.bias is None:
            return {}
        return {"quantizedBiasType": getattr(schema.TensorType, self.bias)}

    @property
    def weight_spread(self) -> float:
        """Standard deviation of weights over their range: +-127, or +-7 of int4."""
        return 4.3 if self.weights == "INT4" else 73.0

    @property
    def spread(self) -> float:
        """Standard deviation of values that fill the type's range evenly."""
        return {"FLOAT32": 1.0, "INT8": 74.0, "INT16": 18900.0}[self.values]


FLOAT32 = Kind("FLOAT32", "FLOAT32", "FLOAT32")
INT8 = Kind("INT8", "INT8", "INT32", per_channel=True)
INT8_TENSOR = Kind("INT8", "INT8", "INT32")
INT4 = Kind("INT8", "INT4", "INT32", per_channel=True)
INT16 = Kind("INT16", "INT8", "INT64", per_channel=True)
INT16_TENSOR = Kind("INT16", "INT8", "INT64")
INT16_BIAS32 = Kind("INT16", "INT8", "INT32", per_channel=True)


@dataclass(frozen=True)
class OperatorModel:
    """A model of one operator and what to feed it.

    `inputs` are arrays of the model's inputs, each with the steps as its first dimension.
    """

    name: str
    source: Model
    inputs: Sequence[Any]

    @property
    def model(self) -> bytes:
        """The `.tflite` file."""
        return write(self.source)


def combined(models: Sequence[OperatorModel], steps: int) -> OperatorModel:
    """One model of many operators that have nothing to do with each other."""
    whole, inputs = Model([], [], [], []), []
    for each in models:
        first = len(whole.tensors)

        def moved(indices: Shape, first: int = first) -> list[int]:
            return [index + first if index >= 0 else -1 for index in indices]

        whole.tensors += each.source.tensors
        whole.operators += [
            replace(
                operator,
                inputs=moved(operator.inputs),
                outputs=moved(operator.outputs),
                intermediates=moved(operator.intermediates),
            )
            for operator in each.source.operators
        ]
        whole.inputs = [*whole.inputs, *moved(each.source.inputs)]
        whole.outputs = [*whole.outputs, *moved(each.source.outputs)]
        inputs += [array[:steps] for array in each.inputs]
    return OperatorModel("combined", whole, inputs)


class Maker:
    """Draws weights, scales and inputs; the same seed gives the same file."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name = name
        self.tensors: list[Tensor] = []
        self.random = np.random.default_rng([seed, *name.encode()])
        self.fed: list[int] = []

    def add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def input(self, type_: str, shape: Shape, scale: float = 0.0, zero_point: int = 0) -> int:
        """A tensor that is fed; integers get the scale."""
        index = self.values(type_, shape, scale, zero_point)
        self.fed.append(index)
        return index

    def values(self, type_: str, shape: Shape, scale: float = 0.0, zero_point: int = 0) -> int:
        scaled = (scale,) if scale else ()
        return self.add(Tensor(type_, shape, scales=scaled, zero_points=(zero_point,)))

    def draw(self, type_: str, shape: Shape, limit: int | None = None) -> Any:
        """Values over the whole range of the type, or over [-limit, limit]."""
        if type_ == "FLOAT32":
            return self.random.normal(size=shape).astype(np.float32)
        info = np.iinfo(type_.lower())
        low, high = (info.min, info.max) if limit is None else (-limit, limit)
        return self.random.integers(low, high, shape, endpoint=True).astype(NUMPY_TYPES[type_])

    def weights(self, kind: Kind, shape: Shape, dimension: int) -> tuple[int, Any]:
        """A constant of weights; gives its index and its scales."""
        if kind.is_float:
            return self.add(Tensor("FLOAT32", shape, self.draw("FLOAT32", shape))), np.ones(1)
        count = shape[dimension] if kind.per_channel else 1
        scales = self.random.uniform(0.003, 0.012, count).astype(np.float32)
        if kind.weights == "INT4":
            data = pack_int4(self.draw("INT8", shape, 7))
            scales *= 18
        else:
            data = self.draw("INT8", shape, 127)
        tensor = Tensor(kind.weights, shape, data, scales.tolist(), quantized_dimension=dimension)
        return self.add(tensor), scales

    def bias(self, kind: Kind, channels: int, scales: Any, largest: float) -> int:
        """A constant bias whose values reach `largest` accumulated units; -1 without one."""
        if kind.bias is None:
            return -1
        if kind.is_float:
            return self.add(Tensor("FLOAT32", (channels,), self.draw("FLOAT32", (channels,))))
        data = self.draw(kind.bias, (channels,), int(largest))
        return self.add(Tensor(kind.bias, (channels,), data, scales.tolist()))

    def model(
        self,
        operator: str,
        inputs: Shape,
        output: int,
        settings: dict[str, Any],
        *,
        steps: int = 3,
        intermediates: Shape = (),
        limit: int | None = None,
    ) -> OperatorModel:
        whole = Model(
            self.tensors,
            [Operator(operator, inputs, (output,), settings=settings, intermediates=intermediates)],
            self.fed,
            (output,),
        )
        fed = [self.tensors[i] for i in self.fed]
        arrays = [self.draw(t.type, (steps, *t.shape), limit) for t in fed]
        return OperatorModel(self.name, whole, arrays)


def pack_int4(values: Any) -> Any:
    """Two values in a byte, the first one in the low half, as `.tflite` files hold int4."""
    flat = np.concatenate([values.ravel(), np.zeros(values.size % 2, np.int8)])
    nibbles = (flat & 0xF).astype(np.uint8)
    return nibbles[0::2] | (nibbles[1::2] << 4)


def output_size(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    """Length of a convolution's output along one dimension."""
    reach = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - reach) // stride + 1


def activation(name: str) -> int:
    return int(getattr(schema.ActivationFunctionType, name))


def output_scale(kind: Kind, input_scale: float, scales: Any, terms: int, spread: float) -> float:
    """A scale at which sums of `terms` products fill the output's type without much clipping."""
    deviation = input_scale * float(np.mean(scales)) * kind.spread * kind.weight_spread
    return deviation * math.sqrt(terms) / spread


@dataclass(frozen=True)
class Convolution:
    """CONV_2D and DEPTHWISE_CONV_2D with all settings."""

    kind: Kind
    channels: tuple[int, int] = (4, 6)
    size: tuple[int, int] = (7, 6)
    kernel: tuple[int, int] = (3, 2)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: int = SAME
    groups: int = 1
    batch: int = 1
    fused: str = "NONE"
    depthwise: bool = False

    def make(self, name: str) -> OperatorModel:
        maker, kind = Maker(name), self.kind
        inputs, outputs = self.channels
        shape = (self.batch, *self.size, inputs)
        sizes = [
            output_size(n, k, s, d, self.padding)
            for n, k, s, d in zip(self.size, self.kernel, self.stride, self.dilation, strict=True)
        ]
        depth = inputs // self.groups
        kernel = (1, *self.kernel, outputs) if self.depthwise else (outputs, *self.kernel, depth)
        terms = math.prod(self.kernel) * (1 if self.depthwise else depth)
        input_scale = 0.0 if kind.is_float else 0.03125 / kind.spread
        zero_point = -5 if kind.values == "INT8" else 0
        x = maker.input(kind.values, shape, input_scale, zero_point)
        weights, scales = maker.weights(kind, kernel, 3 if self.depthwise else 0)
        largest = kind.spread * kind.weight_spread * math.sqrt(terms)
        bias = maker.bias(kind, outputs, scales * input_scale, largest)
        scale = 0.0
        if not kind.is_float:
            scale = output_scale(kind, input_scale, scales, terms, 0.6 * kind.spread)
        y = maker.values(
            kind.values, (self.batch, *sizes, outputs), scale, 7 if kind.values == "INT8" else 0
        )
        settings: dict[str, Any] = {
            **({} if self.depthwise else kind.bias_setting),
            "padding": self.padding,
            "strideH": self.stride[0],
            "strideW": self.stride[1],
            "dilationHFactor": self.dilation[0],
            "dilationWFactor": self.dilation[1],
            "fusedActivationFunction": activation(self.fused),
        }
        operator = "CONV_2D"
        if self.depthwise:
            operator = "DEPTHWISE_CONV_2D"
            settings["depthMultiplier"] = outputs // inputs
        given = (x, weights, bias) if kind.bias else (x, weights)
        return maker.model(operator, given, y, settings)


@dataclass(frozen=True)
class TransposedConvolution:
    """TRANSPOSE_CONV with all settings."""

    kind: Kind
    channels: tuple[int, int] = (4, 3)
    size: tuple[int, int] = (4, 5)
    kernel: tuple[int, int] = (3, 2)
    stride: tuple[int, int] = (2, 2)
    padding: int = SAME
    batch: int = 1
    fused: str = "NONE"

    def make(self, name: str) -> OperatorModel:
        maker, kind = Maker(name), self.kind
        inputs, outputs = self.channels
        sizes = [
            n * s if self.padding == SAME else (n - 1) * s + k
            for n, s, k in zip(self.size, self.stride, self.kernel, strict=True)
        ]
        whole = (self.batch, *sizes, outputs)
        shape = maker.add(Tensor("INT32", (4,), np.array(whole, np.int32)))
        input_scale = 0.0 if kind.is_float else 0.03125 / kind.spread
        weights, scales = maker.weights(kind, (outputs, *self.kernel, inputs), 0)
        zero_point = -5 if kind.values == "INT8" else 0
        x = maker.input(kind.values, (self.batch, *self.size, inputs), input_scale, zero_point)
        terms = inputs * max(1, math.prod(self.kernel) // math.prod(self.stride))
        largest = kind.spread * kind.weight_spread * math.sqrt(terms)
        bias = maker.bias(kind, outputs, scales * input_scale, largest)
        scale = 0.0
        if not kind.is_float:
            scale = output_scale(kind, input_scale, scales, terms, 0.6 * kind.spread)
        y = maker.values(kind.values, whole, scale, 7 if kind.values == "INT8" else 0)
        settings: dict[str, Any] = {
            **kind.bias_setting,
            "padding": self.padding,
            "strideH": self.stride[0],
            "strideW": self.stride[1],
            "fusedActivationFunction": activation(self.fused),
        }
        given = (shape, weights, x, bias) if kind.bias else (shape, weights, x)
        return maker.model("TRANSPOSE_CONV", given, y, settings)


@dataclass(frozen=True)
class Dense:
    """FULLY_CONNECTED; all dimensions of the input but the last are batches."""

    kind: Kind
    shape: tuple[int, ...] = (1, 24)
    units: int = 7
    fused: str = "NONE"
    keep_dimensions: bool = False

    def make(self, name: str) -> OperatorModel:
        maker, kind = Maker(name), self.kind
        depth = self.shape[-1]
        input_scale = 0.0 if kind.is_float else 0.03125 / kind.spread
        zero_point = -5 if kind.values == "INT8" else 0
        x = maker.input(kind.values, self.shape, input_scale, zero_point)
        weights, scales = maker.weights(kind, (self.units, depth), 0)
        bias = maker.bias(
            kind,
            self.units,
            scales * input_scale,
            kind.spread * kind.weight_spread * math.sqrt(depth),
        )
        scale = 0.0
        if not kind.is_float:
            scale = output_scale(kind, input_scale, scales, depth, 0.6 * kind.spread)
        rows = self.shape[:-1] if self.keep_dimensions else (math.prod(self.shape[:-1]),)
        y = maker.values(kind.values, (*rows, self.units), scale, 7 if kind.values == "INT8" else 0)
        settings: dict[str, Any] = {
            **kind.bias_setting,
            "fusedActivationFunction": activation(self.fused),
            "keepNumDims": self.keep_dimensions,
        }
        return maker.model("FULLY_CONNECTED", (x, weights, bias), y, settings)


@dataclass(frozen=True)
class Elementwise:
    """ADD or MUL of two inputs, one of which may be repeated."""

    operator: str
    type: str
    shapes: tuple[tuple[int, ...], tuple[int, ...]] = ((1, 3, 5), (1, 3, 5))
    scales: tuple[float, float] = (0.031, 0.047)
    zero_points: tuple[int, int, int] = (-128, 11, -3)
    fused: str = "NONE"

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(np.broadcast_shapes(*self.shapes))

    def make(self, name: str) -> OperatorModel:
        maker = Maker(name)
        scaled = self.type in ("INT8", "INT16")
        zeros = self.zero_points if self.type == "INT8" else (0, 0, 0)
        factor = {"INT8": 1.0, "INT16": 1 / 256}.get(self.type, 0.0)
        a, b = (
            maker.input(self.type, self.shapes[i], self.scales[i] * factor, zeros[i])
            for i in (0, 1)
        )
        scale = sum(self.scales) * 0.6 if self.operator == "ADD" else math.prod(self.scales) * 80
        y = maker.values(self.type, self.shape, scale * factor if scaled else 0.0, zeros[2])
        settings: dict[str, Any] = {"fusedActivationFunction": activation(self.fused)}
        if self.operator == "ADD":
            settings["potScaleInt16"] = False
        unscaled = not scaled and self.type != "FLOAT32"
        limit = (30_000 if self.fused == "NONE" else 9) if unscaled else None
        return maker.model(self.operator, (a, b), y, settings, limit=limit)


@dataclass(frozen=True)
class Pool:
    """AVERAGE_POOL_2D or MAX_POOL_2D."""

    operator: str
    type: str
    shape: tuple[int, int, int, int] = (1, 7, 6, 5)
    window: tuple[int, int] = (3, 2)
    stride: tuple[int, int] = (2, 1)
    padding: int = SAME
    fused: str = "NONE"

    def make(self, name: str) -> OperatorModel:
        maker = Maker(name)
        scale = {"INT8": 0.06, "INT16": 0.06 / 256}.get(self.type, 0.0)
        zero_point = -17 if self.type == "INT8" else 0
        sizes = [
            output_size(n, k, s, 1, self.padding)
            for n, k, s in zip(self.shape[1:3], self.window, self.stride, strict=True)
        ]
        x = maker.input(self.type, self.shape, scale, zero_point)
        whole = (self.shape[0], *sizes, self.shape[3])
        y = maker.values(self.type, whole, scale, zero_point)
        settings = {
            "padding": self.padding,
            "strideH": self.stride[0],
            "strideW": self.stride[1],
            "filterHeight": self.window[0],
            "filterWidth": self.window[1],
            "fusedActivationFunction": activation(self.fused),
        }
        return maker.model(self.operator, (x,), y, settings)


@dataclass(frozen=True)
class Softmax:
    """SOFTMAX over the last dimension."""

    input: str
    output: str
    shape: tuple[int, ...] = (2, 3, 9)
    beta: float = 1.0

    def make(self, name: str) -> OperatorModel:
        maker = Maker(name)
        scale = {"INT8": 0.05, "INT16": 0.05 / 256}.get(self.input, 0.0)
        x = maker.input(self.input, self.shape, scale, 3 if self.input == "INT8" else 0)
        result = {
            ("INT8", "INT8"): (1 / 256, -128),
            ("INT8", "INT16"): (1 / 65536, -32768),
            ("INT16", "INT16"): (1 / 32768, 0),
        }.get((self.input, self.output), (0.0, 0))
        y = maker.values(self.output, self.shape, *result)
        return maker.model("SOFTMAX", (x,), y, {"beta": self.beta})


@dataclass(frozen=True)
class Svdf:
    """SVDF over several steps; its state lives in a variable tensor."""

    values: str
    state: str
    rank: int = 2
    batch: int = 1
    units: int = 4
    memory: int = 5
    fused: str = "NONE"
    has_bias: bool = True

    def make(self, name: str) -> OperatorModel:
        maker, depth, filters = Maker(name), 6, self.units * self.rank
        floats = self.values == "FLOAT32"
        # Scales at which neither the state nor the output saturates all the time.
        scale = {"x": 0.02, "features": 0.01, "time": 0.008, "state": 0.15, "y": 0.5}
        if self.state == "INT16":
            scale["state"], scale["time"] = 0.15 / 256, 0.008 / 256
        if floats:
            scale = dict.fromkeys(scale, 0.0)
        x = maker.input(self.values, (self.batch, depth), scale["x"], 0 if floats else 4)
        constants = [
            maker.add(Tensor(type_, shape, maker.draw(type_, shape), [s] if s else []))
            for type_, shape, s in (
                (self.values, (filters, depth), scale["features"]),
                (self.state, (filters, self.memory), scale["time"]),
            )
        ]
        bias = -1
        if self.has_bias:
            type_, product = (
                ("FLOAT32", 0.0) if floats else ("INT32", scale["state"] * scale["time"])
            )
            data = maker.draw(type_, (self.units,), 200)
            bias = maker.add(Tensor(type_, (self.units,), data, [product] if product else []))
        state = maker.values(self.state, (self.batch, filters * self.memory), scale["state"])
        maker.tensors[state].is_variable = True
        zero_point = 0 if floats else -128 if self.fused == "RELU" else -9
        y = maker.values(self.values, (self.batch, self.units), scale["y"], zero_point)
        settings = {"rank": self.rank, "fusedActivationFunction": activation(self.fused)}
        return maker.model("SVDF", (x, *constants, bias, state), y, settings, steps=8)


@dataclass(frozen=True)
class Lstm:
    """UNIDIRECTIONAL_SEQUENCE_LSTM; its states live in variable tensors."""

    values: str
    batch: int = 1
    steps: int = 4
    units: int = 5
    depth: int = 3
    time_major: bool = False
    cell_clip: float = 0.0
    cell_power: int = -11

    def make(self, name: str) -> OperatorModel:
        maker, floats = Maker(name), self.values == "FLOAT32"
        weights = "FLOAT32" if floats else "INT8"
        bias = {"FLOAT32": "FLOAT32", "INT8": "INT32", "INT16": "INT64"}[self.values]
        scale = {"FLOAT32": 0.0, "INT8": 1 / 64, "INT16": 1 / 16384}[self.values]
        state_scale = {"FLOAT32": 0.0, "INT8": 1 / 128, "INT16": 1 / 32768}[self.values]
        zero_point = 6 if self.values == "INT8" else 0
        lead = (self.steps, self.batch) if self.time_major else (self.batch, self.steps)
        x = maker.input(self.values, (*lead, self.depth), scale, zero_point)
        inputs = [x, *[-1] * 23]
        for i in range(1, 9):
            shape = (self.units, self.depth if i < 5 else self.units)
            drawn = maker.draw(weights, shape, 127)
            scales = () if floats else (float(maker.random.uniform(0.004, 0.01)),)
            inputs[i] = maker.add(Tensor(weights, shape, drawn, scales))
        for i in range(12, 16):
            drawn = maker.draw(bias, (self.units,), 3000)
            product = () if floats else (scale * maker.tensors[inputs[i - 11]].scales[0],)
            inputs[i] = maker.add(Tensor(bias, (self.units,), drawn, product))
        cell = "FLOAT32" if floats else "INT16"
        cell_scale = 0.0 if floats else 2.0**self.cell_power
        shape = (self.batch, self.units)
        inputs[18] = maker.values(self.values, shape, state_scale, 0)
        inputs[19] = maker.values(cell, shape, cell_scale)
        for i in (18, 19):
            maker.tensors[inputs[i]].is_variable = True
        y = maker.values(self.values, (*lead, self.units), state_scale, 0)
        gates: list[int] = []
        if not floats:
            gates = [maker.values("INT16", (0,), 2.0**-12) for _ in range(4)]
            gates.append(maker.values(self.values, (0,), state_scale))
        settings = {
            "fusedActivationFunction": activation("TANH"),
            "cellClip": self.cell_clip,
            "timeMajor": self.time_major,
        }
        return maker.model("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, y, settings, intermediates=gates)
