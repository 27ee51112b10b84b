"""A model's quantization scheme, read from its tensors and never from its name."""

from __future__ import annotations

from hil.model.info import OperatorInfo, TensorInfo
from hil.vocab import Scheme

WEIGHTED = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL", "SVDF"}
)


def detect_scheme(tensors: tuple[TensorInfo, ...], operators: tuple[OperatorInfo, ...]) -> Scheme:
    """The scheme of the operators that carry weights; float32 when none is quantized.

    A "dynamic" file whose weights were all too small to be quantized is a float32 file, and is
    told so here.
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
    ):
        if scheme in found:
            return scheme
    return Scheme.FLOAT32


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
        # Models without weights are integer when what they compute on is.
        types = {tensors[i].type for i in operator.outputs if i >= 0}
        return Scheme.INT8 if types == {"INT8"} else None
    data = tensors[operator.inputs[0]]
    if weights.type == "INT8" and data.type == "FLOAT32":
        return Scheme.DYNAMIC
    if weights.type == "INT8" and data.type == "INT16":
        return Scheme.INT16X8
    if weights.type == "INT8":
        return Scheme.INT8
    return None


def _dequantized_constant(tensor: TensorInfo) -> Scheme | None:
    if not tensor.is_constant:
        return None
    return Scheme.FLOAT16 if tensor.type == "FLOAT16" else Scheme.WEIGHT_ONLY
