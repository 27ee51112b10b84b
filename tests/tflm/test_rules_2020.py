"""One model for each way in which a kernel of 2020 goes wrong, and its neighbour that is fine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from hil.model.flatbuffer import parse_model
from hil.model.rule import Case
from hil.tflm.kernels import PORTABLE_OPTIMIZED, REFERENCE
from hil.tflm.rules_2020 import RULES, TYPES
from tests import models
from tests.models import Model, Operator, Tensor

PORTABLE = PORTABLE_OPTIMIZED
RELU, RELU6 = 1, 3
SAME, VALID = 0, 1


def float_(*shape: int) -> Tensor:
    return Tensor("FLOAT32", shape)


def int8(*shape: int, scale: float = 0.1, zero: int = 0) -> Tensor:
    return Tensor("INT8", shape, scales=(scale,), zero_points=(zero,))


def weights(*shape: int, scales: tuple[float, ...] = (0.1,), zero: int = 0) -> Tensor:
    zeros = (zero,) * len(scales)
    return Tensor("INT8", shape, np.zeros(shape, np.int8), scales, zeros)


def bias(count: int) -> Tensor:
    return Tensor("INT32", (count,), np.zeros(count, np.int32), (0.01,))


def integers(*values: int) -> Tensor:
    return Tensor("INT32", (len(values),), np.array(values, np.int32))


def finding(
    name: str,
    inputs: Sequence[Tensor | None],
    output: Tensor,
    *,
    kernels: str = REFERENCE,
    **settings: Any,
) -> str:
    """What the rules say of one operator, "" for nothing."""
    there = [tensor for tensor in inputs if tensor is not None]
    numbers = iter(range(len(there)))
    indices = [-1 if tensor is None else next(numbers) for tensor in inputs]
    free = [i for i, tensor in enumerate(there) if tensor.data is None]
    operator = Operator(name, indices, (len(there),), 1, settings)
    content = models.write(Model([*there, output], [operator], free, (len(there),)))
    model = parse_model(content, "m")
    found = next(iter(RULES.findings(Case(model, model.operators[0], kernels))), None)
    if found is not None:
        assert found.reason
    return found.reason if found else ""


def conv(data: Tensor, filters: Tensor, output: Tensor, **settings: Any) -> str:
    return finding("CONV_2D", [data, filters, bias(output.shape[-1])], output, **settings)


def depthwise(data: Tensor, filters: Tensor, output: Tensor, **settings: Any) -> str:
    settings.setdefault("depthMultiplier", 1)
    return finding("DEPTHWISE_CONV_2D", [data, filters, bias(output.shape[-1])], output, **settings)


MAP = int8(1, 8, 8, 4)
FILTERS = weights(4, 3, 3, 4)
DEPTH = weights(1, 3, 3, 4)


def test_sound_operators_pass() -> None:
    assert conv(MAP, FILTERS, MAP) == ""
    assert depthwise(MAP, DEPTH, MAP) == ""
    assert finding("ADD", [MAP, int8(1, 8, 8, 4, scale=0.2)], MAP) == ""
    assert finding("SOFTMAX", [int8(1, 7)], int8(1, 7, scale=1 / 256, zero=-128)) == ""
    assert finding("QUANTIZE", [float_(1, 4)], int8(1, 4)) == ""
    assert finding("MEAN", [float_(1, 8, 8, 4), integers(1, 2)], float_(1, 4)) == ""


def test_grouped_convolution() -> None:
    assert "grouped" in conv(MAP, weights(4, 3, 3, 2), MAP)


def test_filters_with_a_zero_point() -> None:
    assert "zero point other than 0" in conv(MAP, weights(4, 3, 3, 4, zero=3), MAP)


def test_filters_quantized_along_the_wrong_dimension() -> None:
    filters = weights(1, 3, 3, 4, scales=(0.1, 0.2, 0.3, 0.4))
    assert "along dimension 0" in depthwise(MAP, filters, MAP)


def test_convolution_of_another_rank() -> None:
    assert "3 dimensions" in conv(int8(8, 8, 4), FILTERS, MAP)


def test_uint8_filters_beside_int8_activations() -> None:
    filters = Tensor("UINT8", (4, 3, 3, 4), np.zeros((4, 3, 3, 4), np.uint8), (0.1,))
    assert "INT8 activations with UINT8 weights" in conv(MAP, filters, MAP)


def test_an_absent_depthwise_bias() -> None:
    said = finding("DEPTHWISE_CONV_2D", [MAP, DEPTH, None], MAP, depthMultiplier=1)
    assert "bias is absent" in said
    assert finding("DEPTHWISE_CONV_2D", [MAP, DEPTH], MAP, depthMultiplier=1) == ""


def test_a_depth_multiplier_that_lies() -> None:
    assert "write past its output" in depthwise(MAP, DEPTH, MAP, depthMultiplier=2)


@pytest.mark.parametrize(
    ("kernels", "padding", "data", "refused"),
    [
        (REFERENCE, SAME, MAP, True),
        (REFERENCE, VALID, MAP, False),
        (PORTABLE, SAME, MAP, False),
        (PORTABLE, VALID, float_(1, 8, 8, 4), True),
    ],
)
def test_dilated_depthwise(kernels: str, padding: int, data: Tensor, refused: bool) -> None:
    filters = DEPTH if data is MAP else Tensor("FLOAT32", (1, 3, 3, 4), np.zeros(36, np.float32))
    said = depthwise(data, filters, data, kernels=kernels, dilationWFactor=2, padding=padding)
    assert ("dilation 2" in said) is refused


@pytest.mark.parametrize(
    ("activation", "scale", "zero", "refused"),
    [
        (RELU, 0.02, -128, False),
        (RELU, 0.05, 0, True),
        (RELU6, 6 / 255, -128, False),
        (RELU6, 0.05, -128, True),
    ],
)
def test_a_depthwise_activation_that_is_ignored(
    activation: int, scale: float, zero: int, refused: bool
) -> None:
    output = int8(1, 8, 8, 4, scale=scale, zero=zero)
    said = depthwise(MAP, DEPTH, output, fusedActivationFunction=activation)
    assert ("ignores it" in said) is refused


def test_an_int8_dense_layer_on_more_dimensions() -> None:
    inputs = [int8(1, 3, 4), weights(8, 4), bias(8)]
    assert "3 dimensions" in finding("FULLY_CONNECTED", inputs, int8(1, 3, 8))


def test_shuffled_weights() -> None:
    inputs = [int8(1, 4), weights(8, 4), bias(8)]
    assert "shuffled" in finding("FULLY_CONNECTED", inputs, int8(1, 8), weightsFormat=1)


@pytest.mark.parametrize("name", ["RELU", "RELU6", "MAX_POOL_2D", "CONCATENATION", "RESHAPE"])
def test_raw_values_are_copied_only_between_equals(name: str) -> None:
    other = int8(1, 8, 8, 4, scale=0.2)
    assert "would copy raw values" in finding(name, [other], MAP)
    assert finding(name, [MAP], MAP) == ""


@pytest.mark.parametrize(
    ("name", "scale", "zero"),
    [("LOGISTIC", 1 / 256, -128), ("TANH", 1 / 128, 0), ("L2_NORMALIZATION", 1 / 128, 0)],
)
def test_outputs_with_a_fixed_quantization(name: str, scale: float, zero: int) -> None:
    assert finding(name, [int8(1, 4)], int8(1, 4, scale=scale, zero=zero)) == ""
    assert "for granted" in finding(name, [int8(1, 4)], int8(1, 4, scale=2 * scale, zero=zero))
    assert "for granted" in finding(name, [int8(1, 4)], int8(1, 4, scale=scale, zero=zero + 1))


def test_quantization_must_be_there() -> None:
    bare = Tensor("INT8", (1, 4))
    assert "without scale and zero point" in finding("ADD", [bare, bare], int8(1, 4))


@pytest.mark.parametrize("name", ["ADD", "SVDF", "PRELU"])
def test_per_channel_constants_where_one_scale_is_read(name: str) -> None:
    constant = weights(2, 4, scales=(0.1, 0.2))
    assert "first scale for all" in finding(name, [int8(2, 4), constant], int8(2, 4))


def test_mixed_types() -> None:
    assert "mixes" in finding("ADD", [float_(1, 4), int8(1, 4)], float_(1, 4))


def test_six_dimensions() -> None:
    shape = (1, 1, 1, 1, 1, 2)
    assert "rank 6" in finding("ADD", [float_(*shape), float_(*shape)], float_(*shape))


def test_five_dimensions() -> None:
    five = float_(1, 1, 2, 3, 2)
    scalar = Tensor("FLOAT32", (1,), np.ones(1, np.float32))
    assert "broadcasts over 5 dimensions" in finding("ADD", [five, scalar], five)
    assert finding("ADD", [five, five], five) == ""
    paddings = Tensor("INT32", (5, 2), np.zeros((5, 2), np.int32))
    assert "has 5 dimensions, the kernel reads up to 4" in finding("PAD", [five, paddings], five)
    assert "up to 4" in finding("CONCATENATION", [five, five], float_(1, 1, 2, 3, 4), axis=4)


def test_an_svdf_with_a_state_of_int8() -> None:
    state = Tensor("INT8", (1, 8), scales=(0.1,), is_variable=True)
    inputs = [int8(1, 4), weights(2, 4), weights(2, 4), bias(2), state]
    assert "a state of int8" in finding("SVDF", inputs, int8(1, 2), rank=1)


def test_requantization_has_no_kernel() -> None:
    assert "requantization" in finding("QUANTIZE", [float_(1, 4)], Tensor("INT16", (1, 4)))


def test_int8_where_a_kernel_takes_other_types() -> None:
    assert "takes float32" in finding("ABS", [int8(1, 4)], int8(1, 4))
    assert "from int8 to int8 has no kernel" in finding(
        "QUANTIZE", [int8(1, 4)], int8(1, 4, scale=0.2)
    )


def test_too_many_inputs_to_concatenate() -> None:
    assert "11 inputs" in finding("CONCATENATION", [float_(1, 4)] * 11, float_(1, 44))
    said = finding("CONCATENATION", [float_(1, 4)], float_(1, 4), fusedActivationFunction=RELU)
    assert "fused activation" in said


def sliced(*parts: Tensor, **settings: Any) -> str:
    return finding("STRIDED_SLICE", [float_(4, 4), *parts], float_(2, 4), **settings)


def test_slices() -> None:
    begin, end, strides = integers(0, 0), integers(2, 4), integers(1, 1)
    assert sliced(begin, end, strides) == ""
    assert "int32 constants" in sliced(Tensor("INT32", (2,)), end, strides)
    assert "1 elements" in sliced(integers(0), end, strides)
    assert "ellipsis" in sliced(begin, end, strides, ellipsisMask=1)
    assert "write past" in sliced(begin, end, strides, shrinkAxisMask=1, endMask=1)


def test_paddings_must_be_constant() -> None:
    free = Tensor("INT32", (2, 2))
    assert "int32 constant" in finding("PAD", [float_(4, 4), free], float_(6, 6))


def test_a_mean_of_another_kind() -> None:
    assert "dimensions 1 and 2" in finding(
        "MEAN", [float_(1, 8, 8, 4), integers(-3, -2)], float_(1, 4)
    )
    assert "dimensions 1 and 2" in finding("MEAN", [float_(8, 4), integers(0)], float_(4))


def test_half_pixel_centers() -> None:
    def resize(before: int, after: int, **settings: Any) -> str:
        shapes = float_(1, before, before, 1), float_(1, after, after, 1)
        size = integers(after, after)
        return finding("RESIZE_NEAREST_NEIGHBOR", [shapes[0], size], shapes[1], **settings)

    assert "half_pixel_centers" in resize(8, 5, halfPixelCenters=True)
    assert resize(4, 8, halfPixelCenters=True) == ""
    assert resize(8, 5) == ""


def test_a_64_bit_arg_max() -> None:
    inputs = [float_(1, 4), integers(1)]
    assert "gives int32" in finding("ARG_MAX", inputs, Tensor("INT64", (1,)))
    assert finding("ARG_MAX", inputs, Tensor("INT32", (1,))) == ""


def test_a_state_that_is_no_variable() -> None:
    data = [float_(1, 4), float_(2, 4), float_(2, 3), None, float_(1, 6)]
    assert "no variable tensor" in finding("SVDF", data, float_(1, 2))


def test_an_activation_in_l2_normalization() -> None:
    said = finding("L2_NORMALIZATION", [float_(1, 4)], float_(1, 4), fusedActivationFunction=RELU)
    assert "ignored" in said


def test_missing_options() -> None:
    tensors = [float_(1, 4), float_(1, 4), float_(1, 4)]
    content = models.write(Model(tensors, [Operator("ADD", (0, 1), (2,), 1, None)], (0, 1), (2,)))
    model = parse_model(content, "m")
    found = next(iter(RULES.findings(Case(model, model.operators[0], REFERENCE))), None)
    assert found is not None
    assert "options are missing" in found.reason


def test_every_operator_with_types_is_in_tflm(tflm_operators: dict[str, int | None]) -> None:
    assert set(TYPES) <= set(tflm_operators)
