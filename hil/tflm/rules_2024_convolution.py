"""Convolutions, dense layers and pooling in TFLM's 2024 tree.

Places: `K/` = `tensorflow/lite/micro/kernels/`, `N/` = `third_party/cmsis_nn/Source/`. The kernels
of `cmsis_nn` look at the status of CMSIS-NN inside a TFLITE_DCHECK: after an argument error the
output is unwritten and Invoke succeeds.
"""

from __future__ import annotations

from hil.model.info import TensorInfo
from hil.model.rule import F32, I8, I16, SILENTLY, U8, WITHOUT_A_WORD, Case, Finding, Rule
from hil.tflm.predicates import I4, clamps
from hil.tflm.rules_2024_types import CMSIS_NN, REFERENCE

WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
TO_INT8 = "quantize to int8 (hil model convert --scheme int8)"
TO_WEIGHT_ONLY = "weight_only keeps float32 arithmetic and runs"
REFERENCE_RUNS = "with the reference kernels it runs"
# The channels' dimension in the weights of each convolution.
CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0, "FULLY_CONNECTED": 0}


def data_and_weights(case: Case) -> tuple[TensorInfo, TensorInfo] | None:
    """Both tensors of an operator with weights, None when one is absent."""
    data = case.input(2 if case.name == "TRANSPOSE_CONV" else 0)
    weights = case.input(1)
    return None if data is None or weights is None else (data, weights)


def hybrid(case: Case) -> Finding | None:
    """FULLY_CONNECTED and DEPTHWISE_CONV_2D read the bytes as floats; CONV_2D is refused."""
    both = data_and_weights(case) if case.name in WEIGHTED else None
    if both is None or both[0].type != F32 or both[1].type not in (I8, I4):
        return None
    return Finding(
        f"hybrid: float32 activations with {both[1].type.lower()} weights (dynamic range "
        "quantization)",
        f"{TO_INT8}; {TO_WEIGHT_ONLY}",
        "K/cmsis_nn/fully_connected.cpp, K/conv_common.cpp",
    )


def _symmetric_weights(case: Case) -> Finding | None:
    both = data_and_weights(case)
    if both is None or both[1].type not in (I8, I4) or not any(both[1].zero_points):
        return None
    if _offsets_weights(case, *both):
        return None
    return Finding(
        f"its {both[1].type.lower()} weights have a zero point other than 0, which the kernel "
        f"ignores: {SILENTLY}",
        "quantize the weights symmetrically",
        "N/ConvolutionFunctions/arm_convolve_s8.c, K/fully_connected_common.cpp",
    )


def _offsets_weights(case: Case, data: TensorInfo, weights: TensorInfo) -> bool:
    """Whether this is the one kernel that uses a zero point of weights: dense int8 of CMSIS-NN,
    where it does not compute the layer as a 1x1 convolution.
    """
    output = case.output
    if case.name != "FULLY_CONNECTED" or case.kernels == REFERENCE or output is None:
        return False
    as_convolution = len(output.shape) > 2 and bool(weights.shape) and weights.shape[-1] % 4 == 0
    return (data.type, weights.type) == (I8, I8) and not as_convolution


def _channels_of_scales(case: Case) -> Finding | None:
    both = data_and_weights(case)
    if both is None or not both[1].is_per_channel:
        return None
    weights, axis = both[1], CHANNELS[case.name]
    if weights.quantized_dimension == axis:
        return None
    return Finding(
        f"its weights are quantized along dimension {weights.quantized_dimension}, the kernel "
        f"takes {axis} for granted",
        "quantize along the output channels",
        "K/conv_common.cpp",
    )


def per_channel_dense(case: Case) -> Finding | None:
    """A scale for each channel, of which only the first would be used."""
    weights = case.input(1)
    if case.kernels == REFERENCE or weights is None or not weights.is_per_channel:
        return None
    return Finding(
        f"per-channel weights ({len(weights.scales)} scales): this kernel would use the first "
        f"scale for all channels {WITHOUT_A_WORD}",
        f"{REFERENCE_RUNS}; hil model convert FILE.tflite --per-tensor-dense rewrites its weights",
        "K/fully_connected_common.cpp",
    )


def bias_of_int32(case: Case) -> Finding | None:
    """What converters write with _experimental_full_integer_quantization_bias_type = tf.int32."""
    both = data_and_weights(case) if case.name in WEIGHTED else None
    bias = case.input(3 if case.name == "TRANSPOSE_CONV" else 2)
    if both is None or bias is None or both[0].type != I16 or bias.type != "INT32":
        return None
    if case.name == "CONV_2D" or (case.kernels == REFERENCE and case.name != "DEPTHWISE_CONV_2D"):
        return None
    runs = "" if case.name == "DEPTHWISE_CONV_2D" else f"{REFERENCE_RUNS}; or "
    return Finding(
        f"int16 activations with an int32 bias, which the kernel reads as int64: {SILENTLY}",
        f"{runs}convert with a bias of int64, as the converter does by default",
        "K/cmsis_nn/fully_connected.cpp",
    )


def _shuffled_weights(case: Case) -> Finding | None:
    if not case.option("weightsFormat"):
        return None
    return Finding(
        f"its weights are shuffled, which the kernel ignores: {SILENTLY}",
        "convert the model again",
        "K/cmsis_nn/fully_connected.cpp",
    )


def _grouped(case: Case) -> Finding | None:
    both = data_and_weights(case)
    if both is None or case.kernels == REFERENCE:
        return None
    data, weights = both
    if len(data.shape) != 4 or len(weights.shape) != 4 or data.shape[3] == weights.shape[3]:
        return None
    if (data.type, weights.type) == (I8, I8) or data.type == F32:
        return None
    if data.type == I16 and len(case.inputs) == 3 and case.inputs[2].type == "INT32":
        return None  # computed by the reference header
    return Finding(
        f"grouped convolution ({data.shape[3]} input channels, weights for {weights.shape[3]}): "
        f"CMSIS-NN has none for {data.type.lower()} with {weights.type.lower()} weights and would "
        "read past them",
        f"{REFERENCE_RUNS}; or use one Conv2D for each group",
        "N/ConvolutionFunctions/arm_convolve_s16.c, arm_convolve_s4.c",
    )


def _absent_bias(case: Case) -> Finding | None:
    """The tree's Prepare gives back the bias also when there is none."""
    bias = {"DEPTHWISE_CONV_2D": 2, "TRANSPOSE_CONV": 3}[case.name]
    both = data_and_weights(case)
    if case.kernels == REFERENCE or case.input(bias) is not None or both is None:
        return None
    if case.name == "TRANSPOSE_CONV" and both[0].type != I16:
        return None
    return Finding(
        "its bias is absent: Prepare reads it through address 0",
        f"{REFERENCE_RUNS}; or give a bias of zeros",
        "K/depthwise_conv_common.cpp, K/cmsis_nn/transpose_conv.cpp",
    )


def _odd_channels_of_int4(case: Case) -> Finding | None:
    both = data_and_weights(case)
    if both is None or both[1].type != I4 or case.kernels == REFERENCE or not both[0].shape:
        return None
    data = both[0]
    dilation = max(case.option("dilationWFactor", 1), case.option("dilationHFactor", 1))
    plain = case.option("depthMultiplier") == 1 and data.shape[0] == 1 and dilation == 1
    if data.shape[-1] % 2 == 0 or plain:
        return None
    return Finding(
        f"int4 weights for {data.shape[-1]} channels with a depth multiplier, a dilation or a "
        f"batch: CMSIS-NN unpacks them out of step: {SILENTLY}",
        f"{REFERENCE_RUNS}; or use an even number of channels, or int8 weights",
        "N/ConvolutionFunctions/arm_depthwise_conv_s4.c",
    )


def _depth_multiplier(case: Case) -> Finding | None:
    data, output = case.input(0), case.output
    if data is None or output is None or not data.shape or not output.shape:
        return None
    said = case.option("depthMultiplier")
    if said * data.shape[-1] == output.shape[-1]:
        return None
    return Finding(
        f"depth_multiplier is {said}, but {data.shape[-1]} channels become {output.shape[-1]}: the "
        "kernel would write past its output",
        "convert the model again",
        "K/cmsis_nn/depthwise_conv.cpp",
    )


def _activation_of_transposed(case: Case) -> Finding | None:
    output = case.output
    if output is None or output.type == F32 or case.kernels == REFERENCE or not clamps(case):
        return None
    return Finding(
        f"its fused activation is ignored for {output.type.lower()}: {SILENTLY}",
        "calibrate so that the activation fills the output's range",
        "K/cmsis_nn/transpose_conv.cpp",
    )


def _one_batch(case: Case) -> Finding | None:
    data = case.input(0)
    if data is None or case.kernels != CMSIS_NN or data.type not in (I8, I16) or not data.shape:
        return None
    if data.shape[0] == 1:
        return None
    return Finding(
        f"a batch of {data.shape[0]}: CMSIS-NN pools the first one only, the rest of the output is "
        "left unwritten",
        f"{REFERENCE_RUNS}; or use a batch of 1",
        "K/cmsis_nn/pooling.cpp",
    )


def legacy_uint8(case: Case) -> Finding | None:
    """Only QUANTIZE, DEQUANTIZE and what moves bytes take it; weighted ones fault in Prepare."""
    both = data_and_weights(case) if case.name in WEIGHTED else None
    if both is None or both[0].type != U8:
        return None
    faults = ", and this one would write through pointers it never set"
    if case.name == "FULLY_CONNECTED" or case.kernels == REFERENCE:
        faults = ""
    return Finding(
        f"uint8 activations: TFLM has no such kernels since 2021{faults}",
        f"{TO_INT8} from the float32 model; TFLM of 2020 has uint8 kernels (--tflm 2020)",
        "K/cmsis_nn/conv.cpp",
    )


RULES: dict[str, tuple[Rule, ...]] = {
    "CONV_2D": (_symmetric_weights, _channels_of_scales, _grouped),
    "DEPTHWISE_CONV_2D": (
        _symmetric_weights,
        _channels_of_scales,
        _depth_multiplier,
        _absent_bias,
        _odd_channels_of_int4,
    ),
    "TRANSPOSE_CONV": (
        _symmetric_weights,
        _channels_of_scales,
        _activation_of_transposed,
        _absent_bias,
    ),
    "FULLY_CONNECTED": (
        _symmetric_weights,
        per_channel_dense,
        _channels_of_scales,
        _shuffled_weights,
    ),
    "MAX_POOL_2D": (_one_batch,),
    "AVERAGE_POOL_2D": (_one_batch,),
}
