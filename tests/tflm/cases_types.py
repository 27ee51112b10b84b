"""Types, scales and zero points that the 2024 tree has no arithmetic for."""

from __future__ import annotations

import numpy as np

from tests.models import Tensor
from tests.tflm.one_operator import (
    INT32_TYPE,
    RELU6,
    TANH,
    boolean,
    f32,
    floats,
    i8,
    i16,
    i32,
    i64,
    ints,
    longs,
    one,
    two,
    weights,
)
from tests.tflm.rule_case import Happens, RuleCase, on_reference

TO_INT8 = "quantize to int8"
TYPED = "compute it in one of these types"


def plain(type_: str, *shape: int) -> Tensor:
    return Tensor(type_, shape)


INT32_DIFFERENCE = two(
    two(
        one("CAST", [i32(1, 8)], f32(1, 8)),
        one("SUB", [f32(1, 8), floats(1, 8)], f32(1, 8)),
    ),
    one("CAST", [f32(1, 8)], i32(1, 8)),
)
SCALED = Tensor("INT32", (1, 8), None, (0.1,), (0,))

CASES = [
    on_reference(
        "softmax-int16-of-one",
        one(
            "SOFTMAX",
            [Tensor("INT16", (1, 8, 1), None, (0.001,), (0,))],
            Tensor("INT16", (1, 8, 1), None, (1 / 32768,), (0,)),
            beta=1.0,
        ),
        "over a last dimension of 1",
        Happens.WRONG,
    ),
    RuleCase(
        "pack-int16",
        one("PACK", [i16(2, 3), i16(2, 3)], i16(2, 2, 3), valuesCount=2),
        "no kernel for these types",
        Happens.AT_INVOKE,
        TO_INT8,
        one("PACK", [i8(2, 3), i8(2, 3)], i8(2, 2, 3), valuesCount=2),
    ),
    RuleCase(
        "unpack-int16",
        one("UNPACK", [i16(2, 3)], i16(3), i16(3), num=2),
        "no kernel for these types",
        Happens.AT_INVOKE,
        TO_INT8,
        one("UNPACK", [i8(2, 3)], i8(3), i8(3), num=2),
    ),
    RuleCase(
        "relu-int16",
        one("RELU", [i16(1, 8)], i16(1, 8)),
        "no kernel for these types",
        Happens.AT_INVOKE,
        TO_INT8,
        one("RELU", [i8(1, 8)], i8(1, 8)),
    ),
    RuleCase(
        "maximum-int16",
        one("MAXIMUM", [i16(1, 8), i16(1, 8)], i16(1, 8)),
        "no kernel for these types",
        Happens.AT_INVOKE,
        TO_INT8,
        one("MAXIMUM", [i8(1, 8), i8(1, 8)], i8(1, 8)),
    ),
    RuleCase(
        "subtraction-of-int32",
        one("SUB", [i32(1, 8), i32(1, 8)], i32(1, 8)),
        "no kernel for int32",
        Happens.AT_INVOKE,
        "cast to float32 before it and back",
        INT32_DIFFERENCE,
    ),
    RuleCase(
        "cast-to-int64",
        one("CAST", [i32(1, 8)], i64(1, 8)),
        "no kernel for these types",
        Happens.WRONG,
        TO_INT8,
        one("CAST", [i32(1, 8)], f32(1, 8)),
    ),
    RuleCase(
        "cast-from-uint8",
        one("CAST", [plain("UINT8", 1, 8)], f32(1, 8)),
        "no kernel for these types",
        Happens.WRONG,
        TO_INT8,
        one("CAST", [plain("INT8", 1, 8)], f32(1, 8)),
    ),
    RuleCase(
        "largest-as-int64",
        one("ARG_MAX", [f32(1, 4, 3), ints(-1)], i64(1, 4), outputType=4),
        "its output is int64",
        Happens.AT_INVOKE,
        "output_type=tf.int32",
        one("ARG_MAX", [f32(1, 4, 3), ints(-1)], i32(1, 4), outputType=INT32_TYPE),
    ),
    RuleCase(
        "shape-as-int64",
        one("SHAPE", [f32(2, 3)], i64(2), outType=4),
        "its output is int64",
        Happens.AT_INVOKE,
        "out_type=tf.int32",
        one("SHAPE", [f32(2, 3)], i32(2), outType=INT32_TYPE),
    ),
    RuleCase(
        "gather-by-int64",
        one("GATHER", [f32(4, 3), longs(1, 3)], f32(2, 3)),
        "no kernel for these types",
        Happens.REFUSED,
        TO_INT8,
        one("GATHER", [f32(4, 3), ints(1, 3)], f32(2, 3)),
    ),
    RuleCase(
        "comparison-of-two-types",
        one("EQUAL", [f32(1, 8), i32(1, 8)], boolean(1, 8)),
        "no kernel for these types",
        Happens.ACCEPTED,
        TO_INT8,
        one("EQUAL", [f32(1, 8), f32(1, 8)], boolean(1, 8)),
    ),
    RuleCase(
        "sum-of-int8-as-int16",
        one("ADD", [i8(1, 8), i8(1, 8)], i16(1, 8)),
        "no kernel for these types",
        Happens.WRONG,
        TO_INT8,
        one("ADD", [i8(1, 8), i8(1, 8)], i8(1, 8, scale=0.2)),
    ),
    RuleCase(
        "dequantize-per-channel",
        two(
            one("DEQUANTIZE", [weights(2, 4, scales=(0.01, 0.02))], f32(2, 4)),
            one("ADD", [f32(2, 4), f32(2, 4)], f32(2, 4)),
        ),
        "per-channel constant (2 scales)",
        Happens.WRONG,
        "quantize it per tensor",
        two(
            one("DEQUANTIZE", [weights(2, 4)], f32(2, 4)),
            one("ADD", [f32(2, 4), f32(2, 4)], f32(2, 4)),
        ),
    ),
    RuleCase(
        "product-with-a-per-channel-constant",
        one("MUL", [i8(1, 4), weights(4, scales=(0.01, 0.02, 0.03, 0.04))], i8(1, 4)),
        "per-channel constant (4 scales)",
        Happens.WRONG,
        "quantize it per tensor",
        one("MUL", [i8(1, 4), weights(4)], i8(1, 4)),
    ),
    RuleCase(
        "concatenation-of-two-scales",
        one("CONCATENATION", [i8(2, 3), i8(2, 2, scale=0.3, zero=5)], i8(2, 5), axis=1),
        "differ in scale or zero point",
        Happens.ACCEPTED,
        "give both the same quantization",
        one("CONCATENATION", [i8(2, 3), i8(2, 2)], i8(2, 5), axis=1),
    ),
    RuleCase(
        "relu6-of-two-scales",
        one("RELU6", [i8(1, 8)], i8(1, 8, scale=0.03, zero=-100)),
        "differ in scale or zero point",
        Happens.WRONG,
        "give both the same quantization",
        one("RELU6", [i8(1, 8)], i8(1, 8)),
    ),
    RuleCase(
        "padding-of-two-scales",
        one(
            "MAX_POOL_2D",
            [i8(1, 2, 2, 1)],
            i8(1, 1, 1, 1, scale=0.3),
            strideW=2,
            strideH=2,
            filterWidth=2,
            filterHeight=2,
        ),
        "differ in scale or zero point",
        Happens.SHARED,
        "give both the same quantization",
        one(
            "MAX_POOL_2D",
            [i8(1, 2, 2, 1)],
            i8(1, 1, 1, 1),
            strideW=2,
            strideH=2,
            filterWidth=2,
            filterHeight=2,
        ),
    ),
    RuleCase(
        "tanh-of-another-scale",
        one("TANH", [i8(1, 8)], i8(1, 8, scale=0.02, zero=3)),
        "takes 0.0078125, 0 for granted",
        Happens.WRONG,
        "fixes this output's range",
        one("TANH", [i8(1, 8)], i8(1, 8, scale=1 / 128)),
    ),
    RuleCase(
        "logistic-of-another-scale",
        one("LOGISTIC", [i8(1, 8)], i8(1, 8, scale=0.02, zero=-128)),
        "takes 0.0039062, -128 for granted",
        Happens.ACCEPTED,
        "fixes this output's range",
        one("LOGISTIC", [i8(1, 8)], i8(1, 8, scale=1 / 256, zero=-128)),
    ),
    RuleCase(
        "normalization-of-another-scale",
        one("L2_NORMALIZATION", [i8(1, 8)], i8(1, 8, scale=0.02)),
        "takes 0.0078125, 0 for granted",
        Happens.ACCEPTED,
        "fixes this output's range",
        one("L2_NORMALIZATION", [i8(1, 8)], i8(1, 8, scale=1 / 128)),
    ),
    RuleCase(
        "int16-with-a-zero-point",
        one("ADD", [i16(1, 8, zero=5), i16(1, 8)], i16(1, 8, scale=0.002)),
        "an int16 tensor has the zero point 5",
        Happens.REFUSED,
        "quantize symmetrically",
        one("ADD", [i16(1, 8), i16(1, 8)], i16(1, 8, scale=0.002)),
    ),
    RuleCase(
        "sum-of-a-tiny-scale",
        one("SUB", [i16(1, 8, scale=1.0), i16(1, 8, scale=1.0)], i16(1, 8, scale=5e-5)),
        "too small for inputs of scale 1",
        Happens.HALTS,
        "makes its output larger",
        one("SUB", [i16(1, 8, scale=1.0), i16(1, 8, scale=1.0)], i16(1, 8, scale=3.0)),
    ),
    RuleCase(
        "comparison-of-a-large-scale",
        one("GREATER", [i8(1, 8, scale=1.5), i8(1, 8)], boolean(1, 8)),
        "compares int8 values of scale 1.5",
        Happens.HALTS,
        "dequantize before it",
        two(
            one("DEQUANTIZE", [i8(1, 8, scale=1.5)], f32(1, 8)),
            one("GREATER", [f32(1, 8), f32(1, 8)], boolean(1, 8)),
        ),
    ),
    RuleCase(
        "int32-sum-with-relu6",
        one("ADD", [i32(1, 8), i32(1, 8)], i32(1, 8), fusedActivationFunction=RELU6),
        "its fused activation is ignored for int32",
        Happens.WRONG,
        "clip with MAXIMUM and MINIMUM",
        two(
            two(
                one("ADD", [i32(1, 8), i32(1, 8)], i32(1, 8)),
                one("MAXIMUM", [i32(1, 8), ints(0)], i32(1, 8)),
            ),
            one("MINIMUM", [i32(1, 8), ints(6)], i32(1, 8)),
        ),
    ),
    RuleCase(
        "int32-with-a-scale",
        one("ADD", [SCALED, SCALED], SCALED),
        "an int32 tensor has the scale 0.1",
        Happens.REFUSED,
        "or leave the scale out",
        one("ADD", [i32(1, 8), i32(1, 8)], i32(1, 8)),
    ),
    RuleCase(
        "product-with-fused-tanh",
        one("MUL", [f32(1, 8), f32(1, 8)], f32(1, 8), fusedActivationFunction=TANH),
        "its fused activation is none that clamps",
        Happens.SHARED,
        "apply it as an operator of its own",
        two(
            one("MUL", [f32(1, 8), f32(1, 8)], f32(1, 8)),
            one("TANH", [f32(1, 8)], f32(1, 8)),
        ),
    ),
    RuleCase(
        "sum-of-many-scales",
        one("ADD_N", [i8(2, 3), i8(2, 3, scale=0.3)], i8(2, 3, scale=0.4)),
        "its int8 inputs differ",
        Happens.REFUSED,
        "add them two by two (ADD)",
        one("ADD", [i8(2, 3), i8(2, 3, scale=0.3)], i8(2, 3, scale=0.4)),
    ),
    RuleCase(
        "zeros-of-int8",
        one("ZEROS_LIKE", [i8(1, 8)], i8(1, 8, zero=20)),
        "which stands for -2 here",
        Happens.ACCEPTED,
        "multiply by 0",
        one(
            "MUL",
            [i8(1, 8), Tensor("INT8", (1,), np.zeros(1, np.int8), (0.1,), (0,))],
            i8(1, 8, zero=20),
        ),
    ),
    RuleCase(
        "softmax-of-many-classes",
        one("SOFTMAX", [i8(1, 5000, scale=1e-4)], i8(1, 5000, scale=1 / 256, zero=-128), beta=1.0),
        "int8 over 5,000 classes",
        Happens.ACCEPTED,
        "leave SOFTMAX out",
        one("RESHAPE", [i8(1, 5000, scale=1e-4), ints(5000)], i8(5000, scale=1e-4)),
    ),
    RuleCase(
        "softmax-of-no-slope",
        one("SOFTMAX", [i8(1, 8)], i8(1, 8, scale=1 / 256, zero=-128), beta=0.0),
        "beta is 0",
        Happens.HALTS,
        "set beta to what the model was trained with",
        one("SOFTMAX", [i8(1, 8)], i8(1, 8, scale=1 / 256, zero=-128), beta=1.0),
    ),
    RuleCase(
        "softmax-int16-with-zero-point",
        one(
            "SOFTMAX",
            [Tensor("INT16", (1, 8), None, (0.001,), (908,))],
            Tensor("INT16", (1, 8), None, (1 / 32768,), (0,)),
            beta=1.0,
        ),
        "with the zero point 908",
        Happens.REFUSED,
        "quantize symmetrically",
        one(
            "SOFTMAX",
            [Tensor("INT16", (1, 8), None, (0.001,), (0,))],
            Tensor("INT16", (1, 8), None, (1 / 32768,), (0,)),
            beta=1.0,
        ),
        tolerance=1,
    ),
]
SOUND = {
    "relu-rescales": one("RELU", [i8(1, 8, zero=3)], i8(1, 8, scale=0.2, zero=-7)),
    "leaky-relu-int16": one("LEAKY_RELU", [i16(1, 8)], i16(1, 8), alpha=0.1),
    "quantize-int8-to-int8": one("QUANTIZE", [i8(1, 8)], i8(1, 8, scale=0.3, zero=4)),
    "division-of-int32": one("DIV", [f32(1, 8), f32(1, 8)], f32(1, 8)),
    "cast-of-bool": one("CAST", [boolean(1, 8)], f32(1, 8)),
    "int16-mean": one("MEAN", [i16(1, 4, 3, 2), ints(1, 2)], i16(1, 2)),
    "softmax": one("SOFTMAX", [i8(1, 8)], i8(1, 8, scale=1 / 256, zero=-128), beta=1.0),
}
