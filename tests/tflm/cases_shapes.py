"""Shapes, constants and options that the 2024 tree takes for granted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.models import Model, Tensor
from tests.tflm.one_operator import (
    CONV,
    INT32_TYPE,
    POOL,
    RELU,
    boolean,
    f32,
    floats,
    i8,
    i32,
    ints,
    one,
    pairs,
    two,
)
from tests.tflm.rule_case import Happens, RuleCase


def without_options(model: Model) -> Model:
    return replace(model, operators=[replace(o, settings=None) for o in model.operators])


def reshaped(model: Model, data: Tensor, output: Tensor) -> Model:
    """`model` between two RESHAPEs: it takes `data` and gives `output`."""
    inner = model.tensors[model.inputs[0]]
    result = model.tensors[model.outputs[0]]
    first = one("RESHAPE", [data, ints(*inner.shape)], replace(inner, data=None))
    return two(two(first, model), one("RESHAPE", [result, ints(*output.shape)], output))


FIVE, ROW_OF_FIVE = f32(1, 2, 2, 3, 2), floats(1, 1, 1, 1, 2)
FOUR, ROW_OF_FOUR = f32(1, 4, 3, 2), floats(1, 1, 1, 2)
EDGES = pairs((0, 1), (1, 0))
CONVOLUTION = one(
    "CONV_2D", [f32(1, 6, 6, 4), floats(4, 3, 3, 4), floats(4)], f32(1, 6, 6, 4), **CONV
)
POOLING = one("MAX_POOL_2D", [f32(1, 6, 6, 4)], f32(1, 3, 3, 4), **POOL)
PACKING = one("PACK", [f32(2, 3), f32(2, 3)], f32(2, 2, 3), valuesCount=2)
UNPACKING = one("UNPACK", [f32(2, 3)], f32(3), f32(3), num=2)
COMPARED = one("GREATER", [FOUR, ROW_OF_FOUR], boolean(1, 4, 3, 2))

CASES = [
    RuleCase(
        "squared-difference-of-five-dimensions",
        one("SQUARED_DIFFERENCE", [FIVE, ROW_OF_FIVE], FIVE),
        "broadcasts over 5 dimensions",
        Happens.HALTS,
        "reshape its inputs to fewer dimensions",
        reshaped(one("SQUARED_DIFFERENCE", [FOUR, ROW_OF_FOUR], FOUR), FIVE, FIVE),
    ),
    RuleCase(
        "comparison-of-five-dimensions",
        one("GREATER", [FIVE, ROW_OF_FIVE], boolean(1, 2, 2, 3, 2)),
        "broadcasts over 5 dimensions",
        Happens.HALTS,
        "reshape its inputs to fewer dimensions",
        reshaped(COMPARED, FIVE, boolean(1, 2, 2, 3, 2)),
    ),
    RuleCase(
        "maximum-of-six-dimensions",
        one("MAXIMUM", [f32(1, 1, 2, 2, 3, 2), floats(1, 1, 1, 1, 1, 2)], f32(1, 1, 2, 2, 3, 2)),
        "broadcasts over 6 dimensions",
        Happens.HALTS,
        "reshape its inputs to fewer dimensions",
        reshaped(
            one("MAXIMUM", [FOUR, ROW_OF_FOUR], FOUR),
            f32(1, 1, 2, 2, 3, 2),
            f32(1, 1, 2, 2, 3, 2),
        ),
    ),
    RuleCase(
        "prelu-of-five-dimensions",
        one("PRELU", [FIVE, floats(1, 1, 1, 2)], FIVE),
        "its input 0 has 5 dimensions, the kernel reads up to 4",
        Happens.HALTS,
        "reshape it",
        reshaped(one("PRELU", [FOUR, floats(1, 1, 2)], FOUR), FIVE, FIVE),
    ),
    RuleCase(
        "strided-slice-of-five-dimensions",
        one(
            "STRIDED_SLICE",
            [f32(1, 1, 1, 2, 4), ints(0, 0, 0, 0, 0), ints(1, 1, 1, 2, 4), ints(1, 1, 1, 1, 2)],
            f32(1, 1, 1, 2, 2),
        ),
        "its input 0 has 5 dimensions, the kernel reads up to 4",
        Happens.REFUSED,
        "reshape it",
        reshaped(
            one("STRIDED_SLICE", [f32(2, 4), ints(0, 0), ints(2, 4), ints(1, 2)], f32(2, 2)),
            f32(1, 1, 1, 2, 4),
            f32(1, 1, 1, 2, 2),
        ),
    ),
    RuleCase(
        "normalization-of-five-dimensions",
        one("L2_NORMALIZATION", [FIVE], FIVE),
        "its input 0 has 5 dimensions, the kernel reads up to 4",
        Happens.REFUSED,
        "reshape it",
        reshaped(one("L2_NORMALIZATION", [FOUR], FOUR), FIVE, FIVE),
    ),
    RuleCase(
        "transposition-of-six-dimensions",
        one(
            "TRANSPOSE",
            [f32(1, 1, 1, 2, 4, 3), ints(0, 1, 2, 5, 3, 4)],
            f32(1, 1, 1, 3, 2, 4),
        ),
        "its input 0 has 6 dimensions, the kernel reads up to 5",
        Happens.REFUSED,
        "reshape it",
        reshaped(
            one("TRANSPOSE", [f32(2, 4, 3), ints(2, 0, 1)], f32(3, 2, 4)),
            f32(1, 1, 1, 2, 4, 3),
            f32(1, 1, 1, 3, 2, 4),
        ),
    ),
    RuleCase(
        "broadcast-to-six-dimensions",
        one("BROADCAST_TO", [f32(1, 3), ints(1, 1, 1, 1, 2, 3)], f32(1, 1, 1, 1, 2, 3)),
        "its output has 6 dimensions, the kernel writes up to 5",
        Happens.REFUSED,
        "reshape it",
        reshaped(
            one("BROADCAST_TO", [f32(1, 3), ints(2, 3)], f32(2, 3), version=2),
            f32(1, 3),
            f32(1, 1, 1, 1, 2, 3),
        ),
    ),
    RuleCase(
        "mean-over-three-axes",
        one("MEAN", [FOUR, ints(1, 2, 3)], f32(1), keepDims=False),
        "reduces 3 axes: the kernel has room for 2",
        Happens.OVERWRITES,
        "reduce in steps of up to 2 axes",
        two(
            one("MEAN", [FOUR, ints(2, 3)], f32(1, 4), keepDims=False),
            one("MEAN", [f32(1, 4), ints(1)], f32(1), keepDims=False),
        ),
    ),
    RuleCase(
        "sum-over-all-axes",
        one("SUM", [FOUR, ints(0, 1, 2, 3)], f32(1), keepDims=False),
        "reduces 4 axes: the kernel has room for 2",
        Happens.CRASHES,
        "reduce in steps of up to 2 axes",
        two(
            one("SUM", [FOUR, ints(2, 3)], f32(1, 4), keepDims=False),
            one("SUM", [f32(1, 4), ints(1)], f32(1), keepDims=False),
        ),
    ),
    RuleCase(
        "padding-that-is-computed",
        one("PAD", [f32(2, 3), i32(2, 2)], f32(3, 4)),
        "its paddings must be constant",
        Happens.REFUSED,
        "give its paddings as a constant",
        one("PAD", [f32(2, 3), EDGES], f32(3, 4)),
    ),
    RuleCase(
        "slice-that-is-computed",
        one("STRIDED_SLICE", [f32(2, 4), i32(2), ints(2, 4), ints(1, 1)], f32(2, 4)),
        "begin must be constant",
        Happens.CRASHES,
        "give begin as a constant",
        one("STRIDED_SLICE", [f32(2, 4), ints(0, 0), ints(2, 4), ints(1, 1)], f32(2, 4)),
    ),
    RuleCase(
        "permutation-that-is-computed",
        one("TRANSPOSE", [f32(2, 4), i32(2)], f32(4, 2)),
        "its permutation must be constant",
        Happens.CRASHES,
        "give its permutation as a constant",
        one("TRANSPOSE", [f32(2, 4), ints(1, 0)], f32(4, 2)),
    ),
    RuleCase(
        "axis-that-is-computed",
        one("EXPAND_DIMS", [f32(2, 3), i32(1)], f32(2, 1, 3)),
        "its axis must be constant",
        Happens.CRASHES,
        "give its axis as a constant",
        one("EXPAND_DIMS", [f32(2, 3), ints(1)], f32(2, 1, 3)),
    ),
    RuleCase(
        "convolution-without-options",
        without_options(CONVOLUTION),
        "its options are missing",
        Happens.ACCEPTED,
        "convert the model again",
        CONVOLUTION,
    ),
    RuleCase(
        "pooling-without-options",
        without_options(POOLING),
        "its options are missing",
        Happens.ACCEPTED,
        "convert the model again",
        POOLING,
    ),
    RuleCase(
        "packing-without-options",
        without_options(PACKING),
        "its options are missing",
        Happens.ACCEPTED,
        "convert the model again",
        PACKING,
    ),
    RuleCase(
        "unpacking-without-options",
        without_options(UNPACKING),
        "its options are missing",
        Happens.ACCEPTED,
        "convert the model again",
        UNPACKING,
    ),
    RuleCase(
        "concatenation-of-eleven",
        one("CONCATENATION", [f32(1, 2)] * 11, f32(1, 22), axis=1),
        "11 inputs, the kernel takes 10",
        Happens.REFUSED,
        "concatenate in two steps",
        two(
            one("CONCATENATION", [f32(1, 2)] * 10, f32(1, 20), axis=1),
            one("CONCATENATION", [f32(1, 20), f32(1, 2)], f32(1, 22), axis=1),
        ),
    ),
    RuleCase(
        "concatenation-with-relu",
        one("CONCATENATION", [f32(2, 3)], f32(2, 3), axis=1, fusedActivationFunction=RELU),
        "it has a fused activation",
        Happens.REFUSED,
        "apply the activation to its inputs",
        two(
            one("RELU", [f32(2, 3)], f32(2, 3)),
            one("CONCATENATION", [f32(2, 3)], f32(2, 3), axis=1),
        ),
    ),
    RuleCase(
        "slice-of-fewer-dimensions",
        one("STRIDED_SLICE", [f32(2, 4), ints(1), ints(2), ints(1)], f32(1, 4)),
        "begin, end and strides have 1 elements",
        Happens.REFUSED,
        "slice every dimension",
        one("STRIDED_SLICE", [f32(2, 4), ints(1, 0), ints(2, 4), ints(1, 1)], f32(1, 4)),
    ),
    RuleCase(
        "slice-with-ellipsis",
        one(
            "STRIDED_SLICE",
            [f32(2, 4), ints(0, 0), ints(0, 2), ints(1, 1)],
            f32(2, 2),
            ellipsisMask=1,
        ),
        "ignores ellipsis",
        Happens.REFUSED,
        "slice without '...'",
        one("STRIDED_SLICE", [f32(2, 4), ints(0, 0), ints(2, 2), ints(1, 1)], f32(2, 2)),
    ),
    RuleCase(
        "half-pixel-centers",
        one(
            "RESIZE_NEAREST_NEIGHBOR",
            [f32(1, 6, 6, 1), ints(3, 3)],
            f32(1, 3, 3, 1),
            halfPixelCenters=True,
        ),
        "half_pixel_centers is ignored",
        Happens.WRONG,
        "or without it",
        one("RESIZE_NEAREST_NEIGHBOR", [f32(1, 6, 6, 1), ints(3, 3)], f32(1, 3, 3, 1)),
    ),
    RuleCase(
        "centers-and-corners",
        one(
            "RESIZE_BILINEAR",
            [f32(1, 4, 4, 1), ints(6, 6)],
            f32(1, 6, 6, 1),
            alignCorners=True,
            halfPixelCenters=True,
        ),
        "half_pixel_centers and align_corners together",
        Happens.REFUSED,
        "resize with one of them",
        one("RESIZE_BILINEAR", [f32(1, 4, 4, 1), ints(6, 6)], f32(1, 6, 6, 1), alignCorners=True),
    ),
    RuleCase(
        "matrices-with-a-transposed-left-side",
        one("BATCH_MATMUL", [f32(2, 4, 3), f32(1, 4, 5)], f32(2, 3, 5), adjX=True),
        "a transposed left side with a right side of one matrix",
        Happens.WRONG,
        "transpose the left side before it",
        two(
            one("TRANSPOSE", [f32(2, 4, 3), ints(0, 2, 1)], f32(2, 3, 4)),
            one("BATCH_MATMUL", [f32(2, 3, 4), f32(1, 4, 5)], f32(2, 3, 5)),
        ),
    ),
    RuleCase(
        "blocks-with-padding",
        one(
            "SPACE_TO_BATCH_ND",
            [f32(1, 4, 4, 1), ints(2, 2), pairs((1, 1), (1, 1))],
            f32(4, 3, 3, 1),
        ),
        "pads with whatever is in memory",
        Happens.UNSET,
        "pad before it (PAD), and here with 0",
        two(
            one(
                "PAD",
                [f32(1, 4, 4, 1), pairs((0, 0), (1, 1), (1, 1), (0, 0))],
                f32(1, 6, 6, 1),
            ),
            one(
                "SPACE_TO_BATCH_ND",
                [f32(1, 6, 6, 1), ints(2, 2), pairs((0, 0), (0, 0))],
                f32(4, 3, 3, 1),
            ),
        ),
    ),
]
SOUND = {
    "add-of-six-dimensions": one(
        "ADD", [f32(1, 1, 2, 2, 3, 2), floats(1, 1, 1, 1, 1, 2)], f32(1, 1, 2, 2, 3, 2)
    ),
    "add-of-five-dimensions-and-a-scalar": one("ADD", [FIVE, floats(1)], FIVE),
    "squared-difference-of-integers": one(
        "SQUARED_DIFFERENCE",
        [i8(1, 2, 2, 3, 2), i8(1, 1, 1, 1, 2)],
        i8(1, 2, 2, 3, 2, scale=0.3),
    ),
    "maximum-of-one-shape": one(
        "MAXIMUM", [f32(1, 1, 2, 2, 3, 2), f32(1, 1, 2, 2, 3, 2)], f32(1, 1, 2, 2, 3, 2)
    ),
    "mean-of-the-same-axis-twice": one("MEAN", [FOUR, ints(1, -3, 1)], f32(1, 3, 2)),
    "maximum-over-all-axes": one("REDUCE_MAX", [FOUR, ints(0, 1, 2, 3)], f32(1)),
    "slice-from-a-computed-begin": one("SLICE", [f32(2, 4), ints(0, 1), ints(2, 2)], f32(2, 2)),
    "arg-max": one("ARG_MAX", [f32(1, 4, 3), ints(-1)], i32(1, 4), outputType=INT32_TYPE),
    "blocks": one(
        "SPACE_TO_BATCH_ND",
        [f32(1, 4, 4, 1), ints(2, 2), pairs((0, 0), (0, 0))],
        f32(4, 2, 2, 1),
    ),
    "scalar": one("FILL", [ints(2, 3), Tensor("FLOAT32", (), np.float32(4))], f32(2, 3)),
}
