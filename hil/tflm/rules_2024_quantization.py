"""Scales and zero points that kernels of TFLM's 2024 tree take for granted."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hil.model.rule import I8, I16, SILENTLY, Case, Finding, Rule
from hil.tflm.predicates import (
    INTEGER_RANGE,
    equally_quantized,
    fixed_output_rule,
    is_quantized,
    per_channel_rule,
    quantization_rule,
    same_quantization_rule,
)
from hil.tflm.rules_2024_types import REFERENCE

# Copied or compared byte by byte. K/activations_common.cpp: RELU rescales, RELU6 does not.
SAME_QUANTIZATION = frozenset(
    {
        "AVERAGE_POOL_2D",
        "BATCH_TO_SPACE_ND",
        "BROADCAST_TO",
        "CIRCULAR_BUFFER",
        "CONCATENATION",
        "DEPTH_TO_SPACE",
        "EMBEDDING_LOOKUP",
        "EXPAND_DIMS",
        "FILL",
        "GATHER",
        "GATHER_ND",
        "MAXIMUM",
        "MAX_POOL_2D",
        "MINIMUM",
        "MIRROR_PAD",
        "PACK",
        "PAD",
        "PADV2",
        "REDUCE_MAX",
        "RELU6",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "SELECT_V2",
        "SLICE",
        "SPACE_TO_BATCH_ND",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SPLIT_V",
        "SQUEEZE",
        "STRIDED_SLICE",
        "TRANSPOSE",
        "UNPACK",
    }
)
# (operator, type of the output) -> scale, zero point
FIXED_OUTPUT: Mapping[tuple[str, str], tuple[float, int]] = {
    ("L2_NORMALIZATION", I8): (1 / 128, 0),
    ("LOGISTIC", I8): (1 / 256, -128),
    ("LOGISTIC", I16): (1 / 32768, 0),
    ("LOG_SOFTMAX", I8): (16 / 256, 127),
    ("SOFTMAX", I8): (1 / 256, -128),
    ("TANH", I8): (1 / 128, 0),
    ("TANH", I16): (1 / 32768, 0),
}
# int16 is symmetric here: refused in Prepare, or computed as if the zero point were 0.
SYMMETRIC_INT16 = frozenset(
    {
        "ABS",
        "ADD",
        "BATCH_MATMUL",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "LOGISTIC",
        "MUL",
        "SQUARED_DIFFERENCE",
        "SUB",
        "TANH",
        "TRANSPOSE_CONV",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    }
)
# Kernels that use a scale for each channel of these inputs.
PER_CHANNEL: Mapping[str, Collection[int]] = {
    "CONV_2D": (1, 2),
    "DEPTHWISE_CONV_2D": (1, 2),
    "TRANSPOSE_CONV": (1, 3),
    # FULLY_CONNECTED has a rule of its own.
    "FULLY_CONNECTED": (1, 2),
}
# Bytes are moved or counted, whatever they stand for.
UNREAD = frozenset(
    {
        "ARG_MAX",
        "ARG_MIN",
        "ASSIGN_VARIABLE",
        "CALL_ONCE",
        "CAST",
        "EXPAND_DIMS",
        "GATHER",
        "GATHER_ND",
        "IF",
        "PACK",
        "READ_VARIABLE",
        "RESHAPE",
        "SHAPE",
        "SLICE",
        "SPLIT",
        "SPLIT_V",
        "SQUEEZE",
        "STRIDED_SLICE",
        "TRANSPOSE",
        "UNPACK",
        "WHILE",
        "ZEROS_LIKE",
    }
)
# QuantizeMultiplierSmallerThanOneExp halts the processor on a multiplier of 1 or more.
LEFT_SHIFT = {I8: 20, I16: 15}
SUMS = frozenset({"ADD", "SUB", "ADD_N", "CUMSUM"})
COMPARISONS = frozenset({"EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"})
HALTS = "TFLM would halt at a failed check"


def _symmetric_int16(case: Case) -> Finding | None:
    if case.name not in SYMMETRIC_INT16:
        return None
    for tensor in (*case.inputs, *case.outputs):
        if tensor.type == I16 and any(tensor.zero_points):
            return Finding(
                f"an int16 tensor has the zero point {tensor.zero_points[0]}, the kernel takes 0",
                "quantize symmetrically, as every converter does for int16",
            )
    return None


def _small_output_scale(case: Case) -> Finding | None:
    """The multiplier of the output: K/add_common.cpp, sub_common.cpp, add_n.cpp, cumsum.cpp."""
    output = case.output
    if case.name not in SUMS or output is None or not is_quantized(output):
        return None
    scales = [tensor.scales[0] for tensor in case.inputs if tensor.scales]
    if output.type not in LEFT_SHIFT or not scales:
        return None
    smallest = 2 * max(scales) / (1 << LEFT_SHIFT[output.type])
    if output.scales[0] > smallest:
        return None
    return Finding(
        f"its output's scale {output.scales[0]:.3g} is too small for inputs of scale "
        f"{max(scales):.3g}: {HALTS}",
        "calibrate with data that makes its output larger",
    )


def _large_compared_scale(case: Case) -> Finding | None:
    """K/comparisons.cpp: the scales themselves are the multipliers."""
    if case.name not in COMPARISONS:
        return None
    scale = max((t.scales[0] for t in case.inputs if t.type == I8 and t.scales), default=0.0)
    if scale < 1:
        return None
    return Finding(
        f"compares int8 values of scale {scale:.3g}: {HALTS} at 1 and more",
        "compare in float32: dequantize before it",
    )


def _equal_summands(case: Case) -> Finding | None:
    scaled = [tensor for tensor in case.inputs if tensor.type == I8 and tensor.scales]
    if case.name != "ADD_N" or all(equally_quantized(scaled[0], other) for other in scaled):
        return None
    return Finding(
        "its int8 inputs differ in scale or zero point",
        "add them two by two (ADD)",
        "K/add_n.cpp",
    )


def _ignored_activation_of_int32(case: Case) -> Finding | None:
    """K/cmsis_nn/add.cpp: int32 is clamped to its own range."""
    output = case.output
    if case.name != "ADD" or case.kernels == REFERENCE or output is None or output.type != "INT32":
        return None
    if not case.option("fusedActivationFunction"):
        return None
    return Finding(
        f"its fused activation is ignored for int32: {SILENTLY}",
        "clip with MAXIMUM and MINIMUM",
    )


RULES: tuple[Rule, ...] = (
    quantization_rule(UNREAD),
    _symmetric_int16,
    lambda case: per_channel_rule(PER_CHANNEL, case.kernels)(case),
    same_quantization_rule(
        SAME_QUANTIZATION, INTEGER_RANGE, {"EMBEDDING_LOOKUP": (0,), "SELECT_V2": (0,)}
    ),
    fixed_output_rule(FIXED_OUTPUT),
    _small_output_scale,
    _large_compared_scale,
    _equal_summands,
    _ignored_activation_of_int32,
)
