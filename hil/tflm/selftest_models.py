"""Eight tiny models that a TFLM tree is tried with: one for each way in which trees differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np

from hil.model.flatbuffer import FILE_IDENTIFIER, LEGACY_CODE_MAX, parse_model
from hil.model.info import ModelInfo

SCHEMA_VERSION = 3
SAME, VALID = 0, 1
RELU = 1
INT64 = 4  # TensorType.INT64
_DTYPES = {
    "FLOAT32": np.float32,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}
Shape = Sequence[int]


def selftest_models() -> tuple[ModelInfo, ...]:
    """The models, the same bytes each time."""
    return tuple(parse_model(make(_Maker()), name) for name, make in _MODELS.items())


class _Maker:
    """Writes a model, tensor by tensor; operator versions are those of today's converter."""

    def __init__(self) -> None:
        from ai_edge_litert import schema_py_generated

        self._schema: Any = schema_py_generated
        self._random = np.random.default_rng(1)
        self._buffers = [self._schema.BufferT()]
        self._tensors: list[Any] = []
        self._codes: list[Any] = []
        self._operators: list[Any] = []

    def tensor(
        self, type_: str, shape: Shape, scale: float = 0.0, zero: int = 0, *, variable: bool = False
    ) -> int:
        """A tensor without content; quantized when it has a scale."""
        return self._add(type_, shape, [scale] if scale else [], zero, variable=variable)

    def constant(self, values: Any, scales: Sequence[float] = (), axis: int = 0) -> int:
        """A tensor with these values; several scales are those of `axis`."""
        array = np.ascontiguousarray(values)
        type_ = next(name for name, dtype in _DTYPES.items() if dtype == array.dtype)
        return self._add(type_, array.shape, scales, 0, axis=axis, content=array.tobytes())

    def weights(self, shape: Shape, scales: Sequence[float] = (), axis: int = 0) -> int:
        """int8 constants when there are scales, else float32 ones."""
        if not scales:
            return self.constant(self._random.normal(0, 0.3, shape).astype(np.float32))
        values = self._random.integers(-127, 128, shape)
        return self.constant(values.astype(np.int8), scales, axis)

    def bias(self, count: int, scales: Sequence[float] = (), dtype: Any = np.int32) -> int:
        """`dtype` constants when there are scales, else float32 ones."""
        if not scales:
            return self.constant(self._random.normal(0, 0.3, count).astype(np.float32))
        return self.constant(self._random.integers(-900, 900, count).astype(dtype), scales)

    def operator(
        self,
        name: str,
        version: int,
        inputs: Shape,
        outputs: Shape,
        options: str = "",
        **settings: Any,
    ) -> None:
        """An operator; `options` names its table, `settings` are fields of it."""
        code = self._schema.OperatorCodeT()
        code.builtinCode = getattr(self._schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, LEGACY_CODE_MAX)
        code.version = version
        operator = self._schema.OperatorT()
        operator.opcodeIndex = len(self._codes)
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array(outputs, np.int32)
        if options:
            operator.builtinOptionsType = getattr(self._schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(self._schema, f"{options}T")()
            for field, value in settings.items():
                setattr(operator.builtinOptions, field, value)
        self._codes.append(code)
        self._operators.append(operator)

    def file(self, inputs: Shape, outputs: Shape) -> bytes:
        """The `.tflite` file."""
        graph = self._schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs = np.array(inputs, np.int32)
        graph.outputs = np.array(outputs, np.int32)
        model = self._schema.ModelT()
        model.version = SCHEMA_VERSION
        model.operatorCodes, model.buffers = self._codes, self._buffers
        model.subgraphs = [graph]
        builder = flatbuffers.Builder(1 << 12)
        builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
        return bytes(builder.Output())

    def _add(
        self,
        type_: str,
        shape: Shape,
        scales: Sequence[float],
        zero: int,
        *,
        axis: int = 0,
        content: bytes | None = None,
        variable: bool = False,
    ) -> int:
        tensor = self._schema.TensorT()
        tensor.name = f"t{len(self._tensors)}".encode()
        tensor.type = getattr(self._schema.TensorType, type_)
        tensor.shape = np.array(shape, np.int32)
        tensor.isVariable = variable
        tensor.buffer = 0
        if content is not None:
            buffer = self._schema.BufferT()
            buffer.data = np.frombuffer(content, np.uint8)
            tensor.buffer = len(self._buffers)
            self._buffers.append(buffer)
        if scales:
            quantization = self._schema.QuantizationParametersT()
            quantization.scale = np.array(scales, np.float32)
            quantization.zeroPoint = np.full(len(scales), zero, np.int64)
            quantization.quantizedDimension = axis
            tensor.quantization = quantization
        self._tensors.append(tensor)
        return len(self._tensors) - 1


def _channel_scales(count: int) -> list[float]:
    return [0.004 + 0.0005 * channel for channel in range(count)]


def _times(scales: Sequence[float], factor: float) -> list[float]:
    return [factor * scale for scale in scales]


def _int8_conv(make: _Maker) -> bytes:
    """CONV_2D with a scale for each channel, AVERAGE_POOL_2D, FULLY_CONNECTED, SOFTMAX."""
    scales = _channel_scales(8)
    x = make.tensor("INT8", (1, 8, 8, 3), 0.02, -3)
    weights = make.weights((8, 3, 3, 3), scales)
    bias = make.bias(8, _times(scales, 0.02))
    convolved = make.tensor("INT8", (1, 8, 8, 8), 0.03, -128)
    pooled = make.tensor("INT8", (1, 4, 4, 8), 0.03, -128)
    flat = make.tensor("INT8", (1, 128), 0.03, -128)
    logits = make.tensor("INT8", (1, 5), 0.03, 4)
    y = make.tensor("INT8", (1, 5), 1 / 256, -128)
    dense = make.weights((5, 128), [0.001])
    dense_bias = make.bias(5, [0.001 * 0.03])
    shape = make.constant(np.array([1, 128], np.int32))
    _convolve(make, 3, (x, weights, bias), convolved, RELU)
    _pool(make, "AVERAGE_POOL_2D", convolved, pooled)
    _reshape(make, flat_shape=shape, data=pooled, flat=flat, sizes=(1, 128))
    make.operator(
        "FULLY_CONNECTED", 4, (flat, dense, dense_bias), (logits,), "FullyConnectedOptions"
    )
    make.operator("SOFTMAX", 2, (logits,), (y,), "SoftmaxOptions", beta=1.0)
    return make.file((x,), (y,))


def _int8_depthwise(make: _Maker) -> bytes:
    """DEPTHWISE_CONV_2D whose output is added to its input."""
    scales = _channel_scales(4)
    x = make.tensor("INT8", (1, 6, 6, 4), 0.02, 5)
    weights = make.weights((1, 3, 3, 4), scales, axis=3)
    bias = make.bias(4, _times(scales, 0.02))
    convolved = make.tensor("INT8", (1, 6, 6, 4), 0.03, -7)
    y = make.tensor("INT8", (1, 6, 6, 4), 0.04, 1)
    make.operator(
        "DEPTHWISE_CONV_2D",
        3,
        (x, weights, bias),
        (convolved,),
        "DepthwiseConv2DOptions",
        padding=SAME,
        strideW=1,
        strideH=1,
        depthMultiplier=1,
    )
    make.operator("ADD", 2, (x, convolved), (y,), "AddOptions")
    return make.file((x,), (y,))


def _int8_shapes(make: _Maker) -> bytes:
    """PAD, CONCATENATION, RESHAPE, LOGISTIC."""
    x = make.tensor("INT8", (1, 3, 4, 2), 0.04, 9)
    paddings = make.constant(np.array([[0, 0], [1, 1], [2, 0], [0, 0]], np.int32))
    padded = make.tensor("INT8", (1, 5, 6, 2), 0.04, 9)
    joined = make.tensor("INT8", (1, 5, 6, 4), 0.04, 9)
    flat = make.tensor("INT8", (1, 120), 0.04, 9)
    y = make.tensor("INT8", (1, 120), 1 / 256, -128)
    shape = make.constant(np.array([1, 120], np.int32))
    make.operator("PAD", 2, (x, paddings), (padded,), "PadOptions")
    make.operator("CONCATENATION", 2, (padded, padded), (joined,), "ConcatenationOptions", axis=3)
    _reshape(make, flat_shape=shape, data=joined, flat=flat, sizes=(1, 120))
    make.operator("LOGISTIC", 2, (flat,), (y,))
    return make.file((x,), (y,))


def _int8_float_io(make: _Maker) -> bytes:
    """Floats outside, int8 inside: QUANTIZE, MAX_POOL_2D, DEQUANTIZE."""
    x = make.tensor("FLOAT32", (1, 6, 6, 4))
    quantized = make.tensor("INT8", (1, 6, 6, 4), 0.01, -20)
    pooled = make.tensor("INT8", (1, 3, 3, 4), 0.01, -20)
    y = make.tensor("FLOAT32", (1, 3, 3, 4))
    make.operator("QUANTIZE", 1, (x,), (quantized,), "QuantizeOptions")
    _pool(make, "MAX_POOL_2D", quantized, pooled)
    make.operator("DEQUANTIZE", 2, (pooled,), (y,), "DequantizeOptions")
    return make.file((x,), (y,))


def _int8_two_inputs(make: _Maker) -> bytes:
    """Two inputs of unequal scales, two outputs: ADD, MUL."""
    a = make.tensor("INT8", (1, 5, 7), 0.03, 11)
    b = make.tensor("INT8", (1, 5, 7), 0.05, -6)
    total = make.tensor("INT8", (1, 5, 7), 0.06, 2)
    product = make.tensor("INT8", (1, 5, 7), 0.2, -1)
    make.operator("ADD", 2, (a, b), (total,), "AddOptions")
    make.operator("MUL", 2, (a, b), (product,), "MulOptions")
    return make.file((a, b), (total, product))


def _int8_state(make: _Maker) -> bytes:
    """SVDF, whose state lasts from one inference to the next."""
    units, inputs, steps = 12, 8, 5
    feature, time, data, state_scale = 0.005, 0.00002, 0.02, 0.0005
    x = make.tensor("INT8", (1, inputs), data)
    weights = make.weights((units, inputs), [feature])
    in_time = np.random.default_rng(2).integers(-32767, 32768, (units, steps)).astype(np.int16)
    time_weights = make.constant(in_time, [time])
    bias = make.bias(units, [time * state_scale])
    state = make.tensor("INT16", (1, units * steps), state_scale, variable=True)
    y = make.tensor("INT8", (1, units), 0.012, -128)  # RELU clamps nothing more
    make.operator(
        "SVDF",
        3,
        (x, weights, time_weights, bias, state),
        (y,),
        "SVDFOptions",
        rank=1,
        fusedActivationFunction=RELU,  # LiteRT takes no other
    )
    return make.file((x,), (y,))


def _int16x8_conv(make: _Maker) -> bytes:
    """int16 activations, int8 weights, int64 biases: CONV_2D, FULLY_CONNECTED."""
    scales = _channel_scales(4)
    x = make.tensor("INT16", (1, 6, 6, 3), 0.0001)
    weights = make.weights((4, 3, 3, 3), scales)
    bias = make.bias(4, _times(scales, 0.0001), np.int64)
    convolved = make.tensor("INT16", (1, 4, 4, 4), 0.0002)
    flat = make.tensor("INT16", (1, 64), 0.0002)
    y = make.tensor("INT16", (1, 5), 0.0004)
    dense = make.weights((5, 64), [0.005])
    dense_bias = make.bias(5, [0.005 * 0.0002], np.int64)
    shape = make.constant(np.array([1, 64], np.int32))
    _convolve(make, 4, (x, weights, bias), convolved, RELU, VALID, quantizedBiasType=INT64)
    _reshape(make, flat_shape=shape, data=convolved, flat=flat, sizes=(1, 64))
    make.operator(
        "FULLY_CONNECTED",
        7,
        (flat, dense, dense_bias),
        (y,),
        "FullyConnectedOptions",
        quantizedBiasType=INT64,
    )
    return make.file((x,), (y,))


def _float32_conv(make: _Maker) -> bytes:
    """CONV_2D, MAX_POOL_2D, FULLY_CONNECTED, SOFTMAX in float32."""
    x = make.tensor("FLOAT32", (1, 8, 8, 2))
    weights, bias = make.weights((6, 3, 3, 2)), make.bias(6)
    convolved = make.tensor("FLOAT32", (1, 8, 8, 6))
    pooled = make.tensor("FLOAT32", (1, 4, 4, 6))
    flat = make.tensor("FLOAT32", (1, 96))
    logits = make.tensor("FLOAT32", (1, 4))
    y = make.tensor("FLOAT32", (1, 4))
    dense, dense_bias = make.weights((4, 96)), make.bias(4)
    shape = make.constant(np.array([1, 96], np.int32))
    _convolve(make, 1, (x, weights, bias), convolved, RELU)
    _pool(make, "MAX_POOL_2D", convolved, pooled)
    _reshape(make, flat_shape=shape, data=pooled, flat=flat, sizes=(1, 96))
    make.operator(
        "FULLY_CONNECTED", 1, (flat, dense, dense_bias), (logits,), "FullyConnectedOptions"
    )
    make.operator("SOFTMAX", 1, (logits,), (y,), "SoftmaxOptions", beta=1.0)
    return make.file((x,), (y,))


def _convolve(
    make: _Maker,
    version: int,
    inputs: Shape,
    output: int,
    activation: int,
    padding: int = SAME,
    **settings: Any,
) -> None:
    make.operator(
        "CONV_2D",
        version,
        inputs,
        (output,),
        "Conv2DOptions",
        padding=padding,
        strideW=1,
        strideH=1,
        fusedActivationFunction=activation,
        **settings,
    )


def _pool(make: _Maker, name: str, data: int, pooled: int) -> None:
    make.operator(
        name,
        2,
        (data,),
        (pooled,),
        "Pool2DOptions",
        padding=VALID,
        strideW=2,
        strideH=2,
        filterWidth=2,
        filterHeight=2,
    )


def _reshape(make: _Maker, *, flat_shape: int, data: int, flat: int, sizes: Shape) -> None:
    new_shape = np.array(sizes, np.int32)
    make.operator("RESHAPE", 1, (data, flat_shape), (flat,), "ReshapeOptions", newShape=new_shape)


_MODELS: dict[str, Callable[[_Maker], bytes]] = {
    "int8_conv": _int8_conv,
    "int8_depthwise": _int8_depthwise,
    "int8_shapes": _int8_shapes,
    "int8_float_io": _int8_float_io,
    "int8_two_inputs": _int8_two_inputs,
    "int8_state": _int8_state,
    "int16x8_conv": _int16x8_conv,
    "float32_conv": _float32_conv,
}
