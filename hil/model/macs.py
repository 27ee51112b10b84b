"""Multiply-accumulates of an operator, counted from shapes as its definition has them."""

from __future__ import annotations

from hil.model.info import TensorInfo


def count_macs(
    name: str,
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    tensors: tuple[TensorInfo, ...],
) -> int:
    """MACs of one execution; 0 for operators that do not multiply-accumulate, and for shapes that
    do not fit the operator.
    """
    if len(inputs) < 2 or not outputs or min(inputs[0], inputs[1], outputs[0]) < 0:
        return 0
    data, weights, output = tensors[inputs[0]], tensors[inputs[1]], tensors[outputs[0]]
    shape = weights.shape
    if name == "CONV_2D" and len(shape) == 4:  # weights: output channels, height, width, inputs
        return output.elements * shape[1] * shape[2] * shape[3]
    if name == "DEPTHWISE_CONV_2D" and len(shape) == 4:
        return output.elements * shape[1] * shape[2]
    if name == "FULLY_CONNECTED" and len(shape) == 2 and shape[0]:  # weights: outputs, inputs
        return output.elements * shape[1]
    if name == "TRANSPOSE_CONV" and len(shape) == 4 and len(inputs) > 2 and inputs[2] >= 0:
        return tensors[inputs[2]].elements * shape[0] * shape[1] * shape[2]
    if name == "BATCH_MATMUL" and data.shape:
        return output.elements * data.shape[-1]
    if name == "SVDF" and len(inputs) > 2 and len(shape) == 2 and inputs[2] >= 0:
        # Feature weights once per input, then the time weights over the memory.
        return weights.elements + tensors[inputs[2]].elements
    if name == "UNIDIRECTIONAL_SEQUENCE_LSTM" and data.shape and data.shape[-1]:
        # Every step multiplies with the weights of four gates for the input and the hidden state,
        # and with those of the projection.
        steps = data.elements // data.shape[-1]
        used = [i for i in (*inputs[1:9], *inputs[16:17]) if i >= 0]
        return steps * sum(tensors[i].elements for i in used)
    return 0
