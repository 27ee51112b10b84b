"""Operators with weights, and pooling."""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

import numpy as np

from tests.models import TENSOR_TYPES
from tests.sweep.draft import Array, Draft, Quantization

Family = Callable[[Draft], None]

SAME, VALID = 0, 1
# No converter leaves out the bias of a convolution, and LiteRT refuses that.
NO_BIAS = 0.05
# Types of these layers: activations, or what the table calls the odd weights.
LAYER_TYPES = ("FLOAT32", "INT8", "INT16", "UINT8", "INT4", "HYBRID")


def activation_type(draft: Draft) -> str:
    """Activations of a layer: INT4 has int8 ones with int4 weights, HYBRID float32 with int8."""
    return {"INT4": "INT8", "HYBRID": "FLOAT32"}.get(draft.type, draft.type)


def weights_type(draft: Draft) -> str:
    """Weights of a layer: int8 for int16 activations."""
    return {"INT16": "INT8", "HYBRID": "INT8"}.get(draft.type, draft.type)


def window(draft: Draft, size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    """Positions of a kernel along one axis, as TensorFlow counts them."""
    if padding == SAME:
        return -(-size // stride)
    return (size - (kernel - 1) * dilation - 1) // stride + 1


def weights(
    draft: Draft, shape: tuple[int, ...], axis: int, per_channel: bool
) -> tuple[int, tuple[float, ...]]:
    """Constant weights; their tensor and scales. For each channel along `axis`, or one."""
    type_ = weights_type(draft)
    values: Array
    if type_ == "FLOAT32":
        values = draft.rng.normal(0, 1 / sqrt(prod(shape[1:]) or 1), shape)
        return draft.constant(type_, values), ()
    most = 7 if type_ == "INT4" else 127
    low = -most - (1 if draft.chance(0.1) else 0)
    if type_ == "UINT8":
        low, most = 0, 255
    values = draft.rng.integers(low, most, shape, endpoint=True)
    count = shape[axis] if per_channel else 1
    base = float(np.exp(draft.rng.uniform(np.log(0.002), np.log(0.05))))
    spread = draft.pick(1.0, 4.0, 100.0)
    scales = tuple(
        float(np.float32(base * np.exp(draft.rng.uniform(-0.5, 0.5) * np.log(spread))))
        for _ in range(count)
    )
    zero = 128 if type_ == "UINT8" else 0
    return (
        draft.constant(
            type_,
            values,
            scales=scales,
            zero_points=(zero,) * count,
            quantized_dimension=axis if count > 1 else 0,
        ),
        scales,
    )


def bias(
    draft: Draft,
    count: int,
    input_scale: float,
    scales: tuple[float, ...],
    absent: float = 0.15,
) -> int:
    """A bias of `count` values, -1 when it is left out."""
    if draft.chance(absent):
        draft.note("bias", "none")
        return -1
    if not scales or draft.type == "HYBRID":
        return draft.constant("FLOAT32", draft.rng.normal(0, 0.5, count))
    type_ = "INT32"
    if draft.type == "INT16" and not draft.chance(0.1):
        type_ = "INT64"
    most = draft.pick(1000, 20000, 1 << 20)
    values = draft.rng.integers(-most, most, count, endpoint=True)
    return draft.constant(
        type_,
        values,
        scales=tuple(float(np.float32(input_scale * s)) for s in scales),
        zero_points=(0,) * len(scales),
    )


def bias_type(draft: Draft, b: int) -> dict[str, int]:
    """How a converter tells that the bias of an int16 layer is int32."""
    narrow = draft.type == "INT16" and b >= 0 and draft.tensors[b].type == "INT32"
    return {"quantizedBiasType": TENSOR_TYPES["INT32"]} if narrow else {}


def layer_output(
    draft: Draft,
    shape: tuple[int, ...],
    source: Quantization | None,
    scales: tuple[float, ...],
    depth: int,
) -> None:
    """The output, with a scale that its values fill, or nearly do."""
    type_ = activation_type(draft)
    if source is None or not scales:
        draft.output(type_, shape)
        return
    steps = 18000 if type_ == "INT16" else 74
    weight_steps = 4 if draft.type == "INT4" else 74
    spread = sqrt(max(depth, 1)) * steps * weight_steps * source.scale * float(np.mean(scales))
    half = 32768 if type_ == "INT16" else 128
    scale = 3 * spread / half * float(np.exp(draft.rng.uniform(-1, 0.7)))
    base = draft.quantization(type_)
    assert base is not None
    draft.output(type_, shape, Quantization(float(np.float32(scale)), base.zero_point))


def image(draft: Draft, channels: int) -> tuple[int, ...]:
    """N, height, width, channels."""
    height = draft.pick(1, draft.integer(2, 10), draft.integer(4, 12))
    return draft.pick(1, 1, 1, 2), height, draft.integer(1, 12), channels


def sliding(draft: Draft, size: tuple[int, ...], *, dilated: bool = True) -> dict[str, Any]:
    """Kernel, stride, dilation and padding that fit an image of this size."""
    while True:
        padding = draft.pick(SAME, VALID)
        kernel = draft.integer(1, 5), draft.integer(1, 5)
        stride = (draft.integer(1, 3), draft.integer(1, 3))
        if draft.chance(0.6):
            stride = (stride[0], stride[0])
        dilation = (1, 1)
        if dilated and draft.chance(0.2):
            dilation = draft.integer(1, 3), draft.integer(1, 3)
        result = tuple(
            window(draft, size[i + 1], kernel[i], stride[i], dilation[i], padding) for i in (0, 1)
        )
        if min(result) > 0:
            return {
                "padding": padding,
                "kernel": kernel,
                "stride": stride,
                "dilation": dilation,
                "result": result,
            }


def _conv_settings(draft: Draft, place: dict[str, Any]) -> dict[str, Any]:
    draft.note("kernel", place["kernel"])
    return {
        "padding": place["padding"],
        "strideH": place["stride"][0],
        "strideW": place["stride"][1],
        "fusedActivationFunction": draft.activation(),
    }


def conv(draft: Draft) -> None:
    """CONV_2D, at times grouped, dilated, 1 x 1, 1 x n."""
    groups = draft.pick(1, 1, 1, 1, 1, draft.integer(2, 4))
    channels = draft.integer(1, 9) * groups
    outputs = draft.integer(1, 9) * groups
    size = image(draft, channels)
    place = sliding(draft, size)
    type_ = activation_type(draft)
    source = draft.quantization(type_)
    x = draft.input(type_, size, source)
    kernel = (outputs, *place["kernel"], channels // groups)
    w, scales = weights(draft, kernel, 0, draft.type != "UINT8" and draft.chance(0.85))
    b = bias(draft, outputs, source.scale if source else 1, scales, NO_BIAS)
    layer_output(draft, (size[0], *place["result"], outputs), source, scales, prod(kernel[1:]))
    draft.note("groups", groups)
    draft.add(
        [x, w, b] if b >= 0 or draft.chance(0.5) else [x, w],
        **_conv_settings(draft, place),
        dilationHFactor=place["dilation"][0],
        dilationWFactor=place["dilation"][1],
        **bias_type(draft, b),
    )


def depthwise(draft: Draft) -> None:
    """DEPTHWISE_CONV_2D with a multiplier of 1 to 4."""
    channels = draft.pick(draft.integer(1, 8), draft.integer(8, 20))
    multiplier = draft.pick(1, 1, 1, draft.integer(2, 4))
    size = image(draft, channels)
    place = sliding(draft, size)
    type_ = activation_type(draft)
    source = draft.quantization(type_)
    x = draft.input(type_, size, source)
    outputs = channels * multiplier
    w, scales = weights(
        draft, (1, *place["kernel"], outputs), 3, draft.type != "UINT8" and draft.chance(0.85)
    )
    b = bias(draft, outputs, source.scale if source else 1, scales, NO_BIAS)
    layer_output(draft, (size[0], *place["result"], outputs), source, scales, prod(place["kernel"]))
    draft.add(
        [x, w, b] if b >= 0 or draft.chance(0.5) else [x, w],
        **_conv_settings(draft, place),
        depthMultiplier=multiplier,
        dilationHFactor=place["dilation"][0],
        dilationWFactor=place["dilation"][1],
    )


def transpose_conv(draft: Draft) -> None:
    """TRANSPOSE_CONV: its output's shape is a constant."""
    channels, outputs = draft.integer(1, 6), draft.integer(1, 6)
    size = (draft.pick(1, 1, 2), draft.integer(1, 6), draft.integer(1, 6), channels)
    kernel = draft.integer(1, 4), draft.integer(1, 4)
    stride = draft.integer(1, 3), draft.integer(1, 3)
    padding = draft.pick(SAME, VALID)
    result = tuple(
        size[i + 1] * stride[i]
        if padding == SAME
        else size[i + 1] * stride[i] + max(kernel[i] - stride[i], 0)
        for i in (0, 1)
    )
    type_ = activation_type(draft)
    source = draft.quantization(type_)
    shape = (size[0], *result, outputs)
    s = draft.constant("INT32", shape)
    w, scales = weights(
        draft, (outputs, *kernel, channels), 0, draft.type != "UINT8" and draft.chance(0.85)
    )
    x = draft.input(type_, size, source)
    b = bias(draft, outputs, source.scale if source else 1, scales)
    layer_output(draft, shape, source, scales, channels * prod(kernel) // prod(stride))
    draft.note("kernel", kernel)
    draft.add(
        [s, w, x, b] if b >= 0 else [s, w, x],
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        fusedActivationFunction=draft.activation() if draft.chance(0.3) else 0,
        version=1 if b < 0 else 3,
        **bias_type(draft, b),
    )


def fully_connected(draft: Draft) -> None:
    """FULLY_CONNECTED on rank 2, at times 1, 3 or 4; weights for each channel or one scale."""
    depth, outputs = draft.integer(1, 40), draft.integer(1, 20)
    rank = draft.pick(2, 2, 2, 1, 3, 4)
    lead = tuple(draft.pick(1, 1, draft.integer(1, 4)) for _ in range(rank - 1))
    type_ = activation_type(draft)
    source = draft.quantization(type_)
    x = draft.input(type_, (*lead, depth), source)
    w, scales = weights(draft, (outputs, depth), 0, draft.type != "UINT8" and draft.chance(0.25))
    if draft.type == "INT8" and len(scales) == 1 and draft.chance(0.05):
        draft.tensors[w].zero_points = (draft.integer(-20, 20),)
        draft.note("weights_zero_point", draft.tensors[w].zero_points)
    draft.note("per_channel", len(scales) > 1)
    b = bias(draft, outputs, source.scale if source else 1, scales)
    keep = draft.chance(0.5) if rank != 2 else draft.chance(0.2)
    shape = (*lead, outputs) if keep or rank == 2 else (prod(lead), outputs)
    layer_output(draft, shape, source, scales, depth)
    draft.add(
        [x, w, b],
        fusedActivationFunction=draft.activation(),
        keepNumDims=keep,
        version=4 if type_ != "FLOAT32" else 1,
        **bias_type(draft, b),
    )


def batch_matmul(draft: Draft) -> None:
    """BATCH_MATMUL: both operands transposed or not, batches broadcast or not."""
    rows, depth, columns = (draft.integer(1, 7) for _ in range(3))
    batch = tuple(draft.integer(1, 3) for _ in range(draft.integer(0, 2)))
    adj_x, adj_y = draft.chance(0.3), draft.chance(0.3)
    left = (depth, rows) if adj_x else (rows, depth)
    right = (columns, depth) if adj_y else (depth, columns)
    second = batch
    if batch and draft.chance(0.25):
        second = tuple(1 for _ in batch) if draft.chance(0.5) else ()
    source, other = draft.quantization(), draft.quantization()
    x = draft.input(draft.type, (*batch, *left), source)
    y = draft.operand((*second, *right), other)
    if source is None or other is None:
        draft.output(draft.type, (*batch, rows, columns))
    else:
        steps, half = (18000, 32768) if draft.type == "INT16" else (74, 128)
        scale = 3 * sqrt(depth) * steps * steps * source.scale * other.scale / half
        base = draft.quantization()
        assert base is not None
        draft.output(draft.type, (*batch, rows, columns), Quantization(scale, base.zero_point))
    draft.add([x, y], adjX=adj_x, adjY=adj_y)


def pool(draft: Draft) -> None:
    """AVERAGE_POOL_2D, MAX_POOL_2D, L2_POOL_2D; the output has the input's scale, mostly."""
    size = image(draft, draft.pick(draft.integer(1, 8), draft.integer(8, 20)))
    place = sliding(draft, size, dilated=False)
    source = draft.quantization()
    x = draft.input(draft.type, size, source)
    same = draft.chance(0.9)
    draft.output(
        draft.type,
        (size[0], *place["result"], size[3]),
        source if same else draft.quantization(),
    )
    draft.add(
        [x],
        padding=place["padding"],
        strideH=place["stride"][0],
        strideW=place["stride"][1],
        filterHeight=place["kernel"][0],
        filterWidth=place["kernel"][1],
        fusedActivationFunction=draft.activation(),
    )


FAMILIES: dict[str, Family] = {
    "CONV_2D": conv,
    "DEPTHWISE_CONV_2D": depthwise,
    "TRANSPOSE_CONV": transpose_conv,
    "FULLY_CONNECTED": fully_connected,
    "BATCH_MATMUL": batch_matmul,
    "AVERAGE_POOL_2D": pool,
    "MAX_POOL_2D": pool,
    "L2_POOL_2D": pool,
}
