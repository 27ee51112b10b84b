"""What single kernels of TFLM's 2024 tree ignore, overwrite or leave unset.

Places: `K/` = `tensorflow/lite/micro/kernels/`, `N/` = `third_party/cmsis_nn/Source/`.
"""

from __future__ import annotations

from hil.model.rule import I8, I16, SILENTLY, Case, Finding, Rule
from hil.tflm.kernels import CMSIS_NN
from hil.tflm.predicates import NO_ACTIVATION
from hil.tflm.rules_2024_shapes import MAX_CONCATENATION_INPUTS
from hil.tflm.rules_2024_signal import settings

MAX_REDUCED_AXES = 2  # K/reduce_common.cpp kMaxNumberOfReducedAxis
MAX_INDICES = 5  # K/gather_nd.cpp MAX_INDICES_ND
SOFTMAX_CLASSES = 4096
SOFTMAX_UNITS = 1 << 26
MAX_BROADCAST_RANK = 5  # K/broadcast_to.cpp kMaxDims


def _concatenation(case: Case) -> Finding | None:
    if len(case.operator.inputs) > MAX_CONCATENATION_INPUTS:
        return Finding(
            f"{len(case.operator.inputs)} inputs, the kernel takes {MAX_CONCATENATION_INPUTS}",
            "concatenate in two steps",
            "K/concatenation.cpp",
        )
    if case.option("fusedActivationFunction") != NO_ACTIVATION:
        return Finding(
            "it has a fused activation",
            "apply the activation to its inputs, before the concatenation",
            "K/concatenation.cpp",
        )
    return None


def _reduced_axes(case: Case) -> Finding | None:
    """resolved_axis[kMaxNumberOfReducedAxis] on the stack; REDUCE_MAX has a buffer of its own."""
    data, axes = case.input(0), case.input(1)
    if data is None or axes is None:
        return None
    count = axes.elements
    if axes.constant_values is not None:
        count = len({axis % max(len(data.shape), 1) for axis in axes.constant_values})
    if count <= MAX_REDUCED_AXES:
        return None
    return Finding(
        f"reduces {count} axes: the kernel has room for {MAX_REDUCED_AXES} and would "
        "overwrite the stack",
        f"reduce in steps of up to {MAX_REDUCED_AXES} axes",
        "K/reduce_common.cpp",
    )


def _shrunk_slice(case: Case) -> Finding | None:
    data = case.input(0)
    for index in (1, 2, 3):
        bounds = case.input(index)
        if data is None or bounds is None or bounds.elements == len(data.shape):
            continue
        return Finding(
            f"begin, end and strides have {bounds.elements} elements, not one for each of "
            f"{len(data.shape)} dimensions",
            "slice every dimension",
            "K/strided_slice_common.cpp",
        )
    if case.option("ellipsisMask") or case.option("newAxisMask") or case.option("offset"):
        return Finding(
            f"the kernel ignores ellipsis, new axis and offset: {SILENTLY}",
            "slice without '...' and newaxis",
            "K/strided_slice_common.cpp",
        )
    return None


def _half_pixel(case: Case) -> Finding | None:
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
        f"half_pixel_centers is ignored: {SILENTLY}",
        "resize by a whole factor, or without it",
        "K/resize_nearest_neighbor.cpp",
    )


def _centers_and_corners(case: Case) -> Finding | None:
    if not (case.option("halfPixelCenters") and case.option("alignCorners")):
        return None
    return Finding(
        "half_pixel_centers and align_corners together",
        "resize with one of them",
        "K/resize_bilinear.cpp",
    )


def _no_activation(case: Case) -> Finding | None:
    if case.option("fusedActivationFunction") == NO_ACTIVATION:
        return None
    return Finding("it has a fused activation", "make it a layer of its own", "K/l2norm.cpp")


def _zero_of_int8(case: Case) -> Finding | None:
    output = case.output
    if output is None or output.type != I8 or not any(output.zero_points):
        return None
    return Finding(
        f"writes the integer 0, which stands for {-output.zero_points[0] * output.scales[0]:.3g} "
        f"here: {SILENTLY}",
        "multiply by 0, or quantize its output with zero point 0",
        "K/zeros_like.cpp",
    )


def _padding_of_blocks(case: Case) -> Finding | None:
    """SpaceToBatchParams::output_offset is never set."""
    paddings = case.input(2)
    if paddings is None:
        return None
    if paddings.constant_values is not None and not any(paddings.constant_values):
        return None
    return Finding(
        "pads with whatever is in memory: the kernel never sets the value",
        "pad before it (PAD), and here with 0",
        "K/space_to_batch_nd.cpp",
    )


def _transposed_left_side(case: Case) -> Finding | None:
    """A right side with one matrix is multiplied as if the left side were not transposed."""
    left, right = case.input(0), case.input(1)
    if left is None or right is None or not case.option("adjX"):
        return None
    if len(left.shape) < 3 or len(right.shape) < 3 or right.shape[-3] != 1 or left.shape[-3] == 1:
        return None
    return Finding(
        "a transposed left side with a right side of one matrix: the kernel folds the batch into "
        f"the rows: {SILENTLY}",
        "transpose the left side before it (TRANSPOSE)",
        "K/batch_matmul.cpp",
    )


def _large_softmax(case: Case) -> Finding | None:
    """Each probability is summed with 19 bits: the sum of 4,096 has no room in 32."""
    data = case.input(0)
    if data is None or data.type != I8 or not data.shape:
        return None
    if data.shape[-1] < SOFTMAX_CLASSES:
        return None
    return Finding(
        f"int8 over {data.shape[-1]:,} classes: its sum overflows from {SOFTMAX_CLASSES:,} on",
        "leave SOFTMAX out and use its input: the largest stays the largest",
        "N/SoftmaxFunctions/arm_nn_softmax_common_s8.c",
    )


def _softmax_of_one(case: Case) -> Finding | None:
    """The sum of a single exponential is 32,767, of which the kernel's quotient is 1.0: one more
    than int16 holds.
    """
    data = case.input(0)
    if case.kernels != CMSIS_NN or data is None or data.type != I16 or not data.shape:
        return None
    if data.shape[-1] != 1:
        return None
    return Finding(
        f"int16 over a last dimension of 1: every value wraps around: {SILENTLY}",
        "with the reference kernels it runs; its result is 1 whatever the input: leave it out",
        "N/SoftmaxFunctions/arm_softmax_s16.c",
    )


def _softmax_of_no_slope(case: Case) -> Finding | None:
    """PreprocessSoftmaxScaling checks that beta x scale, in units of 2^-26, is above 1. int16 does
    without it; LOG_SOFTMAX has a beta of 1.
    """
    data = case.input(0)
    if data is None or data.type != I8 or not data.scales:
        return None
    beta = 1.0 if case.name == "LOG_SOFTMAX" else (case.operator.options or {}).get("beta", 0.0)
    if beta * data.scales[0] * SOFTMAX_UNITS > 1:
        return None
    return Finding(
        f"beta {beta:g} x input scale {data.scales[0]:g} is not above 1 / 2^26: TFLM would halt at "
        "a failed check",
        "set beta to what the model was trained with, 1 as a rule, and calibrate with real data",
        "K/softmax_common.cpp",
    )


def _softmax_with_zero_point(case: Case) -> Finding | None:
    data = case.input(0)
    if data is None or data.type != I16 or not any(data.zero_points):
        return None
    return Finding(
        f"an int16 input with the zero point {data.zero_points[0]}, the kernel takes 0",
        "quantize symmetrically, as every converter does for int16",
        "K/softmax_common.cpp",
    )


def _runs_in_steps(case: Case) -> Finding | None:
    """Returns kTfLiteAbort from Invoke until its cycle is full; its ring is its own output."""
    output = case.output
    if output is None or (settings(case).get("cycles_max") == 1 and output.is_variable):
        return None
    if settings(case).get("cycles_max") == 1:
        return Finding(
            "its ring is its output, which is no variable: other tensors may overwrite it",
            "make its output a variable tensor",
            "K/circular_buffer.cpp",
        )
    return Finding(
        f"{case.name} ends the inference in the middle until its ring is full",
        "keep the last frames outside the model and give them as its input",
        "K/circular_buffer.cpp",
    )


def _broadcast_result(case: Case) -> Finding | None:
    output = case.output
    if output is None or len(output.shape) <= MAX_BROADCAST_RANK:
        return None
    return Finding(
        f"its output has {len(output.shape)} dimensions, the kernel writes up to "
        f"{MAX_BROADCAST_RANK}",
        "reshape it",
        "K/broadcast_to.cpp",
    )


def _indices(case: Case) -> Finding | None:
    indices = case.input(1)
    if indices is None or not indices.shape or indices.shape[-1] <= MAX_INDICES:
        return None
    return Finding(
        f"indices of {indices.shape[-1]} dimensions, the kernel takes {MAX_INDICES}",
        "flatten the dimensions it indexes",
        "K/gather_nd.cpp",
    )


def _bounds_of_one_type(case: Case) -> Finding | None:
    """GetBeginAndSizeVectors reads as many as the data has dimensions."""
    data, begin, size = case.input(0), case.input(1), case.input(2)
    if data is None or begin is None or size is None:
        return None
    if begin.elements == size.elements == len(data.shape):
        return None
    return Finding(
        f"begin and size have {begin.elements} and {size.elements} elements, not one for each of "
        f"{len(data.shape)} dimensions",
        "slice every dimension",
        "K/slice.cpp",
    )


RULES: dict[str, tuple[Rule, ...]] = {
    "BATCH_MATMUL": (_transposed_left_side,),
    "BROADCAST_TO": (_broadcast_result,),
    "CIRCULAR_BUFFER": (_runs_in_steps,),
    "CONCATENATION": (_concatenation,),
    "GATHER_ND": (_indices,),
    "L2_NORMALIZATION": (_no_activation,),
    "LOG_SOFTMAX": (_softmax_of_no_slope,),
    "MEAN": (_reduced_axes,),
    "RESIZE_BILINEAR": (_centers_and_corners,),
    "RESIZE_NEAREST_NEIGHBOR": (_half_pixel,),
    "SLICE": (_bounds_of_one_type,),
    "SOFTMAX": (
        _large_softmax,
        _softmax_of_one,
        _softmax_of_no_slope,
        _softmax_with_zero_point,
    ),
    "SPACE_TO_BATCH_ND": (_padding_of_blocks,),
    "STRIDED_SLICE": (_shrunk_slice,),
    "SUM": (_reduced_axes,),
    "ZEROS_LIKE": (_zero_of_int8,),
}
