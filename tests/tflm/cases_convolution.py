"""Convolutions, dense layers and pooling that only seem to run on the 2024 tree."""

from __future__ import annotations

import numpy as np

from tests.models import Model, Tensor
from tests.tflm.one_operator import (
    CONV,
    DEPTHWISE,
    INT32_TYPE,
    POOL,
    RELU,
    SAME,
    bias,
    f32,
    floats,
    i8,
    i16,
    ints,
    long_bias,
    nibbles,
    one,
    u8,
    weights,
)
from tests.tflm.rule_case import Happens, RuleCase, on_reference

MAP, OUT = i8(1, 6, 6, 4, scale=0.05, zero=3), i8(1, 6, 6, 4, scale=0.5, zero=-5)
MAP16, OUT16 = i16(1, 6, 6, 4), i16(1, 6, 6, 4, scale=0.01)
FILTERS, DEPTH = weights(4, 3, 3, 4), weights(1, 3, 3, 4, dimension=3)
ROW, ROW_OUT = i8(1, 8, scale=0.05, zero=3), i8(1, 4, scale=0.5, zero=-5)
CHANNELS = (0.01, 0.02, 0.03, 0.04)
INT8_CONV = one("CONV_2D", [MAP, FILTERS, bias(4)], OUT, **CONV)
INT8_DEPTHWISE = one("DEPTHWISE_CONV_2D", [MAP, DEPTH, bias(4)], OUT, **DEPTHWISE)
INT8_DENSE = one("FULLY_CONNECTED", [ROW, weights(4, 8), bias(4)], ROW_OUT)
FLOAT_DENSE = one("FULLY_CONNECTED", [f32(1, 8), floats(4, 8), floats(4)], f32(1, 4))
FLOAT_CONV = one(
    "CONV_2D", [f32(1, 6, 6, 4), floats(4, 3, 3, 4), floats(4)], f32(1, 6, 6, 4), **CONV
)


def uint8_constant(*shape: int) -> Tensor:
    return Tensor("UINT8", shape, np.full(shape, 90, np.uint8), (0.02,), (100,))


def zeros(count: int, type_: str = "INT32") -> Tensor:
    dtype = {"INT32": np.int32, "INT64": np.int64, "FLOAT32": np.float32}[type_]
    scales = () if type_ == "FLOAT32" else (0.001,)
    return Tensor(type_, (count,), np.zeros(count, dtype), scales)


def depthwise(data: Tensor, filters: Tensor, output: Tensor, **settings: int) -> Model:
    inputs = [data, filters, bias(output.shape[-1], 0.001)]
    return one("DEPTHWISE_CONV_2D", inputs, output, **{**DEPTHWISE, **settings})


TRANSPOSED = {"padding": SAME, "strideW": 2, "strideH": 2}


def transposed(data: Tensor, last: Tensor | None, output: Tensor, **settings: int) -> Model:
    inputs = [ints(1, 6, 6, 2), weights(2, 3, 3, 4), data, *([last] if last else [])]
    return one("TRANSPOSE_CONV", inputs, output, **TRANSPOSED, **settings)


CASES = [
    on_reference(
        "dense-per-channel",
        one("FULLY_CONNECTED", [ROW, weights(4, 8, scales=CHANNELS), bias(4)], ROW_OUT),
        "per-channel weights (4 scales)",
        Happens.WRONG,
    ),
    on_reference(
        "dense-int16-per-channel",
        one(
            "FULLY_CONNECTED",
            [i16(1, 8), weights(4, 8, scales=CHANNELS), long_bias(4)],
            i16(1, 4, scale=0.01),
        ),
        "per-channel weights (4 scales)",
        Happens.WRONG,
        tolerance=1,
    ),
    RuleCase(
        "dense-hybrid",
        one("FULLY_CONNECTED", [f32(1, 8), weights(4, 8), floats(4)], f32(1, 4)),
        "hybrid",
        Happens.WRONG,
        "quantize to int8",
        INT8_DENSE,
    ),
    RuleCase(
        "depthwise-hybrid",
        one(
            "DEPTHWISE_CONV_2D",
            [f32(1, 6, 6, 4), weights(1, 3, 3, 4), floats(4)],
            f32(1, 6, 6, 4),
            **DEPTHWISE,
        ),
        "hybrid",
        Happens.WRONG,
        "quantize to int8",
        INT8_DEPTHWISE,
    ),
    RuleCase(
        "conv-hybrid",
        one("CONV_2D", [f32(1, 6, 6, 4), FILTERS, floats(4)], f32(1, 6, 6, 4), **CONV),
        "hybrid",
        Happens.REFUSED,
        "quantize to int8",
        INT8_CONV,
    ),
    RuleCase(
        "conv-uint8",
        one(
            "CONV_2D",
            [u8(1, 6, 6, 4, zero=128), uint8_constant(4, 3, 3, 4), bias(4)],
            u8(1, 6, 6, 4, scale=0.5, zero=100),
            **CONV,
        ),
        "uint8 activations",
        Happens.CRASHES,
        "quantize to int8",
        INT8_CONV,
    ),
    RuleCase(
        "dense-uint8",
        one(
            "FULLY_CONNECTED",
            [u8(1, 8, zero=128), uint8_constant(4, 8), bias(4)],
            u8(1, 4, scale=0.5, zero=100),
        ),
        "uint8 activations",
        Happens.AT_INVOKE,
        "quantize to int8",
        INT8_DENSE,
    ),
    RuleCase(
        "conv-weights-with-zero-point",
        one("CONV_2D", [MAP, weights(4, 3, 3, 4, zero=5), bias(4)], OUT, **CONV),
        "weights have a zero point",
        Happens.ACCEPTED,
        "quantize the weights symmetrically",
        INT8_CONV,
    ),
    RuleCase(
        "dense-sequence-weights-with-zero-point",
        one(
            "FULLY_CONNECTED",
            [i8(1, 2, 8, scale=0.05, zero=3), weights(4, 8, zero=4), bias(4)],
            i8(1, 2, 4, scale=0.5),
            keepNumDims=True,
        ),
        "weights have a zero point",
        Happens.WRONG,
        "quantize the weights symmetrically",
        one(
            "FULLY_CONNECTED",
            [i8(1, 2, 8, scale=0.05, zero=3), weights(4, 8), bias(4)],
            i8(1, 2, 4, scale=0.5),
            keepNumDims=True,
        ),
    ),
    RuleCase(
        "depthwise-scales-along-another-dimension",
        depthwise(MAP, weights(1, 3, 3, 4, scales=CHANNELS, dimension=0), OUT),
        "quantized along dimension 0",
        Happens.REFUSED,
        "quantize along the output channels",
        depthwise(MAP, weights(1, 3, 3, 4, scales=CHANNELS, dimension=3), OUT),
    ),
    on_reference(
        "conv-int16-grouped",
        one("CONV_2D", [MAP16, weights(4, 3, 3, 2), long_bias(4)], OUT16, **CONV),
        "grouped convolution (4 input channels, weights for 2)",
        Happens.WRONG,
    ),
    on_reference(
        "conv-int4-grouped",
        one("CONV_2D", [MAP, nibbles(4, 3, 3, 2), bias(4)], OUT, **CONV),
        "grouped convolution (4 input channels, weights for 2)",
        Happens.WRONG,
    ),
    RuleCase(
        "depthwise-without-bias",
        one("DEPTHWISE_CONV_2D", [MAP, DEPTH], OUT, **DEPTHWISE),
        "its bias is absent",
        Happens.CRASHES,
        "give a bias of zeros",
        one("DEPTHWISE_CONV_2D", [MAP, DEPTH, zeros(4)], OUT, **DEPTHWISE),
    ),
    on_reference(
        "depthwise-float-without-bias",
        one(
            "DEPTHWISE_CONV_2D",
            [f32(1, 6, 6, 4), floats(1, 3, 3, 4)],
            f32(1, 6, 6, 4),
            **DEPTHWISE,
        ),
        "its bias is absent",
        Happens.CRASHES,
    ),
    on_reference(
        "depthwise-int4-odd-channels",
        depthwise(
            i8(1, 6, 6, 3, scale=0.05),
            nibbles(1, 3, 3, 6),
            i8(1, 6, 6, 6, scale=0.5),
            depthMultiplier=2,
        ),
        "int4 weights for 3 channels",
        Happens.WRONG,
    ),
    RuleCase(
        "depthwise-multiplier-that-lies",
        depthwise(MAP, DEPTH, OUT, depthMultiplier=2),
        "depth_multiplier is 2, but 4 channels become 4",
        Happens.WRONG,
        "convert the model again",
        INT8_DEPTHWISE,
    ),
    RuleCase(
        "transposed-int16-without-bias",
        transposed(i16(1, 3, 3, 4), None, i16(1, 6, 6, 2, scale=0.01)),
        "its bias is absent",
        Happens.CRASHES,
        "give a bias of zeros",
        transposed(i16(1, 3, 3, 4), zeros(2, "INT64"), i16(1, 6, 6, 2, scale=0.01)),
    ),
    RuleCase(
        "transposed-int8-relu",
        transposed(
            i8(1, 3, 3, 4), bias(2), i8(1, 6, 6, 2, scale=0.5), fusedActivationFunction=RELU
        ),
        "its fused activation is ignored for int8",
        Happens.WRONG,
        "fills the output's range",
        transposed(
            i8(1, 3, 3, 4),
            bias(2),
            i8(1, 6, 6, 2, scale=0.5, zero=-128),
            fusedActivationFunction=RELU,
        ),
    ),
    on_reference(
        "max-pool-batch",
        one("MAX_POOL_2D", [i8(2, 6, 6, 3)], i8(2, 3, 3, 3), **POOL),
        "a batch of 2",
        Happens.WRONG,
    ),
    RuleCase(
        "average-pool-batch",
        one("AVERAGE_POOL_2D", [i16(2, 6, 6, 3)], i16(2, 3, 3, 3), **POOL),
        "a batch of 2",
        Happens.WRONG,
        "use a batch of 1",
        one("AVERAGE_POOL_2D", [i16(1, 6, 6, 3)], i16(1, 3, 3, 3), **POOL),
    ),
    on_reference(
        "dense-int16-with-a-bias-of-int32",
        one(
            "FULLY_CONNECTED",
            [i16(1, 8), weights(4, 8), bias(4, 0.00002)],
            i16(1, 4, scale=0.01),
            quantizedBiasType=INT32_TYPE,
        ),
        "with an int32 bias",
        Happens.WRONG,
    ),
    RuleCase(
        "depthwise-int16-with-a-bias-of-int32",
        one("DEPTHWISE_CONV_2D", [MAP16, DEPTH, bias(4, 0.00002)], OUT16, **DEPTHWISE),
        "with an int32 bias",
        Happens.ACCEPTED,
        "convert with a bias of int64",
        one("DEPTHWISE_CONV_2D", [MAP16, DEPTH, long_bias(4)], OUT16, **DEPTHWISE),
    ),
]
SOUND = {
    "conv": INT8_CONV,
    "conv-float": FLOAT_CONV,
    "conv-int16": one("CONV_2D", [MAP16, FILTERS, long_bias(4)], OUT16, **CONV),
    "conv-grouped": one("CONV_2D", [MAP, weights(4, 3, 3, 2), bias(4)], OUT, **CONV),
    "conv-int4": one("CONV_2D", [MAP, nibbles(4, 3, 3, 4), bias(4)], OUT, **CONV),
    "depthwise": INT8_DEPTHWISE,
    "depthwise-int4-odd": depthwise(
        i8(1, 6, 6, 3, scale=0.05), nibbles(1, 3, 3, 3), i8(1, 6, 6, 3, scale=0.5)
    ),
    "dense": INT8_DENSE,
    "dense-float": FLOAT_DENSE,
    "transposed": transposed(i8(1, 3, 3, 4), bias(2), i8(1, 6, 6, 2, scale=0.5)),
    "max-pool-float-batch": one("MAX_POOL_2D", [f32(2, 6, 6, 3)], f32(2, 3, 3, 3), **POOL),
}
