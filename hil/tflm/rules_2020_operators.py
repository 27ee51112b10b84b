"""Rules of single operators. Those marked "silent" are explained in `rules_2020`."""

from __future__ import annotations

from hil.model.rule import F32, I8, I16, I32, PER_CHANNEL, U8, WITHOUT_A_WORD, Case, Finding, Rule
from hil.tflm.kernels import PORTABLE_OPTIMIZED, REFERENCE

# kernels/portable_optimized/depthwise_conv.cc keeps per-channel data in arrays of this size and
# does not check: more channels overwrite the stack.
PORTABLE_DEPTHWISE_CHANNELS = 256
MAX_CONCATENATION_INPUTS = 10
SAME_PADDING = 0  # Padding.SAME
NO_ACTIVATION = 0  # ActivationFunctionType.NONE
ACTIVATION_RANGES = {1: (0.0, None), 2: (-1.0, 1.0), 3: (0.0, 6.0)}  # RELU, RELU_N1_TO_1, RELU6
INT8_RANGE = (-128, 127)
FIX = "hil model fix --tflm 2020"


def _four_dimensions(case: Case) -> Finding | None:
    """Silent."""
    for tensor in case.inputs[:2] if case.name in PER_CHANNEL else case.inputs[:1]:
        if len(tensor.shape) != 4:
            return Finding(f"its input has {len(tensor.shape)} dimensions, not 4", "reshape it")
    return None


def _weights_are_symmetric(case: Case) -> Finding | None:
    """Silent."""
    weights = case.input(1)
    if weights is None or weights.type != I8:
        return None
    if any(weights.zero_points):
        return Finding(
            "its int8 weights have a zero point other than 0, which the kernel ignores "
            f"{WITHOUT_A_WORD}",
            "quantize the weights symmetrically",
        )
    axis = 0 if case.name == "CONV_2D" else 3
    if weights.is_per_channel and weights.quantized_dimension != axis:
        return Finding(
            f"its weights are quantized along dimension {weights.quantized_dimension}, the kernel "
            f"takes {axis} for granted",
            "quantize along the output channels",
        )
    return None


def _grouped(case: Case) -> Finding | None:
    """Silent."""
    data, weights = case.input(0), case.input(1)
    if data is None or weights is None or data.shape[-1] == weights.shape[-1]:
        return None
    return Finding(
        f"grouped convolution ({data.shape[-1]} input channels, weights for {weights.shape[-1]}): "
        "the kernel would read past its weights",
        "use one Conv2D for each group, or a depthwise convolution",
    )


def _depth_multiplier(case: Case) -> Finding | None:
    """Silent."""
    data, output = case.input(0), case.output
    if data is None or output is None:
        return None
    said = case.option("depthMultiplier")
    if said * data.shape[-1] == output.shape[-1]:
        return None
    return Finding(
        f"depth_multiplier is {said}, but {data.shape[-1]} channels become {output.shape[-1]}: the "
        "kernel would write past its output",
        "convert the model again",
    )


def _dilated_depthwise(case: Case) -> Finding | None:
    """Silent."""
    data = case.input(0)
    dilation = max(case.option("dilationWFactor", 1), case.option("dilationHFactor", 1))
    if dilation <= 1 or data is None:
        return None
    if case.kernels == REFERENCE and case.option("padding") != SAME_PADDING:
        return None
    if case.kernels == PORTABLE_OPTIMIZED and data.type == I8:
        return None
    return Finding(
        f"dilation {dilation}: the {case.kernels} kernel would pad as if there were none "
        f"{WITHOUT_A_WORD}",
        "use padding 'valid' with the reference kernels, or larger undilated kernels",
    )


def _ignored_activation(case: Case) -> Finding | None:
    """Silent."""
    output = case.output
    limits = ACTIVATION_RANGES.get(case.option("fusedActivationFunction"))
    if limits is None or output is None or output.type != I8 or not output.scales:
        return None
    low, high = INT8_RANGE
    scale, zero_point = output.scales[0], output.zero_points[0]
    if limits[0] is not None:
        low = max(low, zero_point + round(limits[0] / scale))
    if limits[1] is not None:
        high = min(high, zero_point + round(limits[1] / scale))
    if (low, high) == INT8_RANGE:
        return None
    return Finding(
        f"its fused activation would clamp to {low} .. {high}, and the kernel ignores it "
        f"{WITHOUT_A_WORD}",
        f"{FIX} makes it an operator of its own",
    )


def _absent_bias(case: Case) -> Finding | None:
    """Silent."""
    if len(case.operator.inputs) == 3 and case.operator.inputs[2] < 0:
        return Finding("its bias is absent, and the kernel reads it", "give the layer a bias")
    return None


def _too_many_channels(case: Case) -> Finding | None:
    """Silent."""
    output = case.output
    if case.kernels == REFERENCE or output is None:
        return None
    channels = output.shape[-1]
    if channels <= PORTABLE_DEPTHWISE_CHANNELS:
        return None
    return Finding(
        f"{channels} channels: the {case.kernels} kernel holds "
        f"{PORTABLE_DEPTHWISE_CHANNELS} and would overwrite the stack",
        "use the reference kernels, or fewer channels",
    )


def _int8_dense_rank(case: Case) -> Finding | None:
    """Silent."""
    output = case.output
    if output is None or output.type != I8 or len(output.shape) == 2:
        return None
    return Finding(
        f"its int8 output has {len(output.shape)} dimensions, and the kernel takes the first two "
        f"for batch and depth {WITHOUT_A_WORD}",
        f"{FIX} puts it between two RESHAPEs; in Keras use Conv1D(units, 1) instead",
    )


def _shuffled_weights(case: Case) -> Finding | None:
    """Silent."""
    if case.option("weightsFormat"):
        return Finding("its weights are shuffled, which the kernel ignores", "convert again")
    return None


def _state_is_variable(case: Case) -> Finding | None:
    """Silent."""
    state = case.input(4)
    if state is None or not state.is_variable:
        return Finding(
            "its state is no variable tensor: the kernel would write to address 0",
            "convert the model again",
        )
    return None


def _state_of_int16(case: Case) -> Finding | None:
    data, time, state = case.input(0), case.input(2), case.input(4)
    if data is None or data.type != I8 or time is None or state is None:
        return None
    if time.type == state.type == I16:
        return None
    return Finding(
        f"int8 with a state of {state.type.lower()} and time weights of {time.type.lower()}: the "
        "kernel takes int16",
        "quantize with a converter",
    )


def _concatenation(case: Case) -> Finding | None:
    if len(case.operator.inputs) > MAX_CONCATENATION_INPUTS:
        return Finding(
            f"{len(case.operator.inputs)} inputs, the kernel takes {MAX_CONCATENATION_INPUTS}",
            "concatenate in two steps",
        )
    if case.option("fusedActivationFunction") != NO_ACTIVATION:
        return Finding(
            "it has a fused activation",
            "apply the activation to its inputs, before the concatenation",
        )
    return None


def _plain_slice(case: Case) -> Finding | None:
    """Silent."""
    data = case.input(0)
    for tensor in (case.input(1), case.input(2), case.input(3)):
        if tensor is None or not tensor.is_constant or tensor.type != I32:
            return Finding("begin, end and strides must be int32 constants", "slice by constants")
        if data is not None and tensor.elements != len(data.shape):
            return Finding(
                f"begin, end and strides have {tensor.elements} elements, not one for each of "
                f"{len(data.shape)} dimensions",
                "slice every dimension",
            )
    if case.option("ellipsisMask") or case.option("newAxisMask") or case.option("offset"):
        return Finding(
            f"the kernel ignores ellipsis, new axis and offset {WITHOUT_A_WORD}",
            "slice without '...' and newaxis",
        )
    if case.option("shrinkAxisMask") & case.option("endMask"):
        return Finding(
            "an axis is both indexed and open-ended: the kernel would write past its output",
            "index with [i:i+1] and reshape",
        )
    return None


def _constant_paddings(case: Case) -> Finding | None:
    """Silent."""
    paddings = case.input(1)
    if paddings is None or not paddings.is_constant or paddings.type != I32:
        return Finding("its paddings must be an int32 constant", "pad by constants")
    return None


def _mean_over_the_map(case: Case) -> Finding | None:
    data, axes = case.input(0), case.input(1)
    values = axes.constant_values if axes is not None else None
    if (
        data is not None
        and len(data.shape) == 4
        and (values is None or sorted(values) == [1, 2])
        and (axes is None or axes.elements == 2)
    ):
        return None
    return Finding(
        "MEAN here is over dimensions 1 and 2 of a 4-dimensional tensor only",
        "use AveragePooling2D over the whole map",
    )


def _half_pixel(case: Case) -> Finding | None:
    """Silent."""
    data, output = case.input(0), case.output
    if not case.option("halfPixelCenters") or data is None or output is None:
        return None
    grows_whole = all(
        size and out % size == 0
        for size, out in zip(data.shape[1:3], output.shape[1:3], strict=False)
    )
    if grows_whole and not case.option("alignCorners"):
        return None
    return Finding(
        f"half_pixel_centers is ignored {WITHOUT_A_WORD}", "resize by a whole factor, or without it"
    )


def _quantized_arg_output(case: Case) -> Finding | None:
    if case.output is not None and case.output.type != I32:
        return Finding(
            f"its output is {case.output.type.lower()}, the kernel gives int32",
            "pass output_type=tf.int32",
        )
    return None


def _quantize_direction(case: Case) -> Finding | None:
    data, output = case.input(0), case.output
    pairs = {(F32, I8), (F32, U8), (I16, I8)}
    if data is None or output is None or (data.type, output.type) in pairs:
        return None
    if {data.type, output.type} == {I8, U8}:
        remedy = (
            f"{FIX} --int8-io makes the model's inputs and outputs int8; so does converting "
            "with inference_input_type = inference_output_type = tf.int8"
        )
    else:
        remedy = "TFLM of 2024 has one (--tflm 2024)"
    return Finding(
        f"requantization from {data.type.lower()} to {output.type.lower()} has no kernel here",
        remedy,
    )


def _l2_activation(case: Case) -> Finding | None:
    """Silent."""
    if case.option("fusedActivationFunction") != NO_ACTIVATION:
        return Finding("its fused activation is ignored", "make it a layer of its own")
    return None


OWN_RULES: dict[str, tuple[Rule, ...]] = {
    "CONV_2D": (_four_dimensions, _weights_are_symmetric, _grouped),
    "DEPTHWISE_CONV_2D": (
        _four_dimensions,
        _weights_are_symmetric,
        _absent_bias,
        _depth_multiplier,
        _dilated_depthwise,
        _ignored_activation,
        _too_many_channels,
    ),
    "MAX_POOL_2D": (_four_dimensions,),
    "AVERAGE_POOL_2D": (_four_dimensions,),
    "FULLY_CONNECTED": (_int8_dense_rank, _shuffled_weights),
    "SVDF": (_state_is_variable, _state_of_int16),
    "CONCATENATION": (_concatenation,),
    "STRIDED_SLICE": (_plain_slice,),
    "PAD": (_constant_paddings,),
    "PADV2": (_constant_paddings,),
    "MEAN": (_mean_over_the_map,),
    "RESIZE_NEAREST_NEIGHBOR": (_half_pixel,),
    "ARG_MAX": (_quantized_arg_output,),
    "ARG_MIN": (_quantized_arg_output,),
    "QUANTIZE": (_quantize_direction,),
    "L2_NORMALIZATION": (_l2_activation,),
}
