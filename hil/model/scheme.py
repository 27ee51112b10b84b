"""A model's quantization scheme, read from its tensors and never from its name."""

from __future__ import annotations

from hil.model.info import OperatorInfo, TensorInfo
from hil.vocab import Scheme

WEIGHTED = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL", "SVDF"}
)
# The scheme of what computes on one integer type with a scale, without weights.
WEIGHTLESS = {"INT8": Scheme.INT8, "INT16": Scheme.INT16X8, "UINT8": Scheme.UINT8}
FLOATS = frozenset({"FLOAT32", "FLOAT16", "FLOAT64", "BFLOAT16", "COMPLEX64", "COMPLEX128"})


def detect_scheme(tensors: tuple[TensorInfo, ...], operators: tuple[OperatorInfo, ...]) -> Scheme:
    """The scheme of the operators that carry weights; float32 when none is quantized.

    A "dynamic" file whose weights were all too small to be quantized is a float32 file, and is
    told so here. What holds no float at all is "integer" when it is of no other scheme.
    """
    found = {
        scheme
        for operator in operators
        if (scheme := _operator_scheme(tensors, operator)) is not None
    }
    for scheme in (
        Scheme.DYNAMIC,
        Scheme.INT16X8,
        Scheme.FLOAT16,
        Scheme.WEIGHT_ONLY,
        Scheme.INT8,
        Scheme.UINT8,
    ):
        if scheme in found:
            return scheme
    used = {i for operator in operators for i in (*operator.inputs, *operator.outputs) if i >= 0}
    types = {tensors[i].type for i in used}
    return Scheme.INTEGER if types and types.isdisjoint(FLOATS) else Scheme.FLOAT32


def weights_of(operator: OperatorInfo, tensors: tuple[TensorInfo, ...]) -> TensorInfo | None:
    """The second input of an operator that carries weights, or None."""
    if operator.name not in WEIGHTED or len(operator.inputs) < 2 or operator.inputs[1] < 0:
        return None
    return tensors[operator.inputs[1]]


def _operator_scheme(tensors: tuple[TensorInfo, ...], operator: OperatorInfo) -> Scheme | None:
    if operator.name == "DEQUANTIZE" and operator.inputs and operator.inputs[0] >= 0:
        return _dequantized_constant(tensors[operator.inputs[0]])
    weights = weights_of(operator, tensors)
    if weights is None or operator.inputs[0] < 0:
        return _weightless(tensors, operator)
    data = tensors[operator.inputs[0]]
    if weights.type == "INT8" and data.type == "FLOAT32":
        return Scheme.DYNAMIC
    if weights.type == "INT8" and data.type == "INT16":
        return Scheme.INT16X8
    if weights.type == "INT8":
        return Scheme.INT8
    return Scheme.UINT8 if weights.type == data.type == "UINT8" else None


def _weightless(tensors: tuple[TensorInfo, ...], operator: OperatorInfo) -> Scheme | None:
    """Models without weights are integer when what they compute on is.

    A QUANTIZE to uint8 at the end of an int8 model makes it no uint8 model.
    """
    outputs = [tensors[i] for i in operator.outputs if i >= 0]
    types = {tensor.type for tensor in outputs}
    if len(types) != 1 or (operator.name == "QUANTIZE" and types != {"INT8"}):
        return None
    (type_,) = types
    if type_ != "INT8" and not all(tensor.scales for tensor in outputs):
        return None
    return WEIGHTLESS.get(type_)


def _dequantized_constant(tensor: TensorInfo) -> Scheme | None:
    if not tensor.is_constant:
        return None
    return Scheme.FLOAT16 if tensor.type == "FLOAT16" else Scheme.WEIGHT_ONLY
