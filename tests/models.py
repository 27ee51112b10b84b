"""Small `.tflite` files made by hand, with LiteRT's own schema classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TENSOR_TYPES: dict[str, int] = {
    name: value for name, value in vars(schema.TensorType).items() if not name.startswith("_")
}
OPERATORS: dict[str, int] = {
    name: value for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}


@dataclass
class Tensor:
    """A tensor to put into a model; constant when `data` is given."""

    type: str
    shape: Sequence[int]
    data: Any = None
    scales: Sequence[float] = ()
    zero_points: Sequence[int] = ()
    name: str = "tensor"
    quantized_dimension: int = 0
    is_variable: bool = False


@dataclass
class Operator:
    """An operator by name, with the indices of its tensors."""

    name: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    version: int = 1
    settings: Mapping[str, Any] | None = field(default_factory=dict)
    custom_name: str = ""
    legacy_code: int | None = None
    custom_options: bytes = b""
    intermediates: Sequence[int] = ()


@dataclass
class Model:
    """A model to be written. `branches` are its further subgraphs, from number 1 on."""

    tensors: list[Tensor]
    operators: list[Operator]
    inputs: Sequence[int]
    outputs: Sequence[int]
    version: int = 3
    subgraphs: int = 1
    extra: dict[str, Any] = field(default_factory=dict)
    branches: Sequence[Model] = ()


def write(model: Model) -> bytes:
    """The model as the bytes of a `.tflite` file."""
    whole = schema.ModelT()
    whole.version = model.version
    whole.buffers = [schema.BufferT()]
    whole.operatorCodes = []
    whole.subgraphs = [_graph(model, whole)] * model.subgraphs
    whole.subgraphs += [_graph(branch, whole) for branch in model.branches]
    whole.description = b"made by tests"
    packer = flatbuffers.Builder(1024)
    packer.Finish(whole.Pack(packer), b"TFL3")
    return bytes(packer.Output())


def unpacked(content: bytes) -> Any:
    """A file as the schema's ModelT, to be changed."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def packed(model: Any) -> bytes:
    """The file of a ModelT."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _graph(model: Model, whole: Any) -> Any:
    """A model's own subgraph; its buffers and operator codes go into `whole`."""
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(tensor, whole.buffers) for tensor in model.tensors]
    graph.operators = [_operator(operator, whole.operatorCodes) for operator in model.operators]
    graph.inputs = np.array(model.inputs, np.int32)
    graph.outputs = np.array(model.outputs, np.int32)
    return graph


def _tensor(tensor: Tensor, buffers: list[Any]) -> Any:
    entry = schema.TensorT()
    entry.name = tensor.name.encode()
    entry.type = TENSOR_TYPES[tensor.type]
    entry.shape = np.array(tensor.shape, np.int32)
    entry.buffer = 0
    if tensor.data is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(tensor.data).tobytes(), np.uint8)
        entry.buffer = len(buffers)
        buffers.append(buffer)
    if tensor.scales:
        quantization = schema.QuantizationParametersT()
        quantization.scale = np.array(tensor.scales, np.float32)
        zeros = tensor.zero_points or [0] * len(tensor.scales)
        quantization.zeroPoint = np.array(zeros, np.int64)
        quantization.quantizedDimension = tensor.quantized_dimension
        entry.quantization = quantization
    entry.isVariable = tensor.is_variable
    return entry


def _operator(operator: Operator, codes: list[Any]) -> Any:
    code = schema.OperatorCodeT()
    number = OPERATORS["CUSTOM" if operator.custom_name else operator.name]
    code.builtinCode = number
    legacy = min(number, 127) if operator.legacy_code is None else operator.legacy_code
    code.deprecatedBuiltinCode = legacy
    code.version = operator.version
    code.customCode = operator.custom_name.encode() or None
    entry = schema.OperatorT()
    entry.opcodeIndex = len(codes)
    entry.inputs = np.array(operator.inputs, np.int32)
    entry.outputs = np.array(operator.outputs, np.int32)
    entry.builtinOptions, entry.builtinOptionsType = _options(operator)
    if operator.custom_options:
        entry.customOptions = np.frombuffer(operator.custom_options, np.uint8)
    if operator.intermediates:
        entry.intermediates = np.array(operator.intermediates, np.int32)
    codes.append(code)
    return entry


# Options tables by operator, where the name does not follow from the operator's.
OPTION_NAMES = {
    "MAX_POOL_2D": "Pool2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "BATCH_TO_SPACE_ND": "BatchToSpaceNDOptions",
    "SPACE_TO_BATCH_ND": "SpaceToBatchNDOptions",
    "PADV2": "PadV2Options",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
}


def _options(operator: Operator) -> tuple[Any, int]:
    """The operator's options table, with its settings, and the table's kind."""
    words = operator.name.replace("_2D", "_2d").split("_")
    camel = "".join(w.upper() if w in ("SVDF",) else w.capitalize() for w in words) + "Options"
    name = OPTION_NAMES.get(operator.name, camel.replace("2d", "2D"))
    if operator.settings is None or not hasattr(schema, f"{name}T"):
        return None, 0
    table = getattr(schema, f"{name}T")()
    for setting, value in operator.settings.items():
        if not hasattr(table, setting):
            raise AttributeError(f"{name} has no {setting}")
        setattr(table, setting, value)
    return table, getattr(schema.BuiltinOptions, name)


def dense_float(inputs: int = 4, outputs: int = 3) -> bytes:
    """y = W x + b in float32, W and b counting up."""
    weights = np.arange(inputs * outputs, dtype=np.float32).reshape(outputs, inputs) / 8
    return write(
        Model(
            [
                Tensor("FLOAT32", (1, inputs), name="x"),
                Tensor("FLOAT32", (outputs, inputs), weights, name="weights"),
                Tensor("FLOAT32", (outputs,), np.arange(outputs, dtype=np.float32), name="bias"),
                Tensor("FLOAT32", (1, outputs), name="y"),
            ],
            [Operator("FULLY_CONNECTED", (0, 1, 2), (3,))],
            (0,),
            (3,),
        )
    )


def two_dense(hidden: int) -> bytes:
    """A float32 network of 64 inputs, one hidden layer of `hidden`, and 10 outputs."""
    generator = np.random.default_rng(1)

    def weights(rows: int, columns: int) -> Any:
        return generator.normal(size=(rows, columns)).astype(np.float32)

    return write(
        Model(
            [
                Tensor("FLOAT32", (1, 64), name="x"),
                Tensor("FLOAT32", (hidden, 64), weights(hidden, 64), name="w1"),
                Tensor("FLOAT32", (hidden,), np.zeros(hidden, np.float32), name="b1"),
                Tensor("FLOAT32", (1, hidden), name="hidden"),
                Tensor("FLOAT32", (10, hidden), weights(10, hidden), name="w2"),
                Tensor("FLOAT32", (10,), np.zeros(10, np.float32), name="b2"),
                Tensor("FLOAT32", (1, 10), name="y"),
            ],
            [
                Operator("FULLY_CONNECTED", (0, 1, 2), (3,)),
                Operator("FULLY_CONNECTED", (3, 4, 5), (6,)),
            ],
            (0,),
            (6,),
        )
    )


def dense_int8(weight_scales: Sequence[float] = (0.01,), input_type: str = "INT8") -> bytes:
    """A quantized dense layer of 4 inputs and 3 outputs; several scales make it per-channel."""
    weights = (np.arange(12, dtype=np.int8) - 6).reshape(3, 4)
    quantized = input_type != "FLOAT32"
    return write(
        Model(
            [
                Tensor(input_type, (1, 4), scales=(0.5,) if quantized else (), name="x"),
                Tensor("INT8", (3, 4), weights, weight_scales, name="weights"),
                Tensor("INT32", (3,), np.zeros(3, np.int32), [0.5 * s for s in weight_scales]),
                Tensor(input_type, (1, 3), scales=(0.25,) if quantized else (), name="y"),
            ],
            [Operator("FULLY_CONNECTED", (0, 1, 2), (3,), 4)],
            (0,),
            (3,),
        )
    )


def large_dense_int8(inputs: int, outputs: int) -> bytes:
    """A quantized dense layer whose weights take `inputs * outputs` bytes."""
    weights = np.random.default_rng(1).integers(-127, 128, (outputs, inputs), np.int8)
    return write(
        Model(
            [
                Tensor("INT8", (1, inputs), scales=(0.5,), name="x"),
                Tensor("INT8", (outputs, inputs), weights, (0.01,), name="weights"),
                Tensor("INT32", (outputs,), np.zeros(outputs, np.int32), (0.005,), name="bias"),
                Tensor("INT8", (1, outputs), scales=(2.0,), name="y"),
            ],
            [Operator("FULLY_CONNECTED", (0, 1, 2), (3,), 4)],
            (0,),
            (3,),
        )
    )


def two_in_two_out() -> bytes:
    """Float32 sum and maximum of two inputs of 4 values each."""
    return write(
        Model(
            [Tensor("FLOAT32", (1, 4), name=name) for name in ("a", "b", "sum", "maximum")],
            [Operator("ADD", (0, 1), (2,)), Operator("MAXIMUM", (0, 1), (3,))],
            (0, 1),
            (2, 3),
        )
    )


def single_operator(
    name: str, *, version: int = 1, type_: str = "FLOAT32", shape: Sequence[int] = (1, 4)
) -> bytes:
    """A model of one operator with one input and one output, whatever it is."""
    return write(
        Model(
            [Tensor(type_, shape, name="x"), Tensor(type_, shape, name="y")],
            [Operator(name, (0,), (1,), version)],
            (0,),
            (1,),
        )
    )
