from __future__ import annotations

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.model.convert_quantizer import quantize
from hil.model.flatbuffer import parse_model
from hil.model.info import TensorInfo
from hil.vocab import Scheme
from tests import models
from tests.conftest import SUITES
from tests.extras import needs_quantizer

pytestmark = [
    needs_quantizer,
    pytest.mark.filterwarnings("ignore:Warning. Enabling `experimental_preserve_all_tensors`"),
]

DIGITS = (SUITES / "digits" / "models" / "digits_float32.tflite").read_bytes()
IMAGES = np.random.default_rng(5).random((8, 1, 8, 8, 1), np.float32)


def weights(content: bytes, operator: str) -> TensorInfo:
    model = parse_model(content, "m")
    index = next(o.inputs[1] for o in model.operators if o.name == operator)
    return model.tensors[index]


@pytest.mark.parametrize(
    ("scheme", "input_type"),
    [
        (Scheme.INT8, "INT8"),
        (Scheme.INT16X8, "INT16"),
        (Scheme.DYNAMIC, "FLOAT32"),
        (Scheme.FLOAT16, "FLOAT32"),
        (Scheme.WEIGHT_ONLY, "FLOAT32"),
    ],
)
def test_each_scheme_is_what_it_says(scheme: Scheme, input_type: str) -> None:
    model = parse_model(quantize(DIGITS, scheme, [IMAGES], per_channel_dense=False), "m")
    assert model.scheme is scheme
    assert [t.type for t in (*model.input_tensors, *model.output_tensors)] == [input_type] * 2


@pytest.mark.parametrize("scheme", [Scheme.INT8, Scheme.INT16X8, Scheme.DYNAMIC])
def test_dense_layers_are_per_tensor_unless_asked_otherwise(scheme: Scheme) -> None:
    plain = quantize(DIGITS, scheme, [IMAGES], per_channel_dense=False)
    asked = quantize(DIGITS, scheme, [IMAGES], per_channel_dense=True)
    assert not weights(plain, "FULLY_CONNECTED").is_per_channel
    assert len(weights(asked, "FULLY_CONNECTED").scales) == 10
    assert weights(plain, "CONV_2D").is_per_channel


def test_weight_only_is_per_tensor_throughout() -> None:
    model = parse_model(quantize(DIGITS, Scheme.WEIGHT_ONLY, [], per_channel_dense=False), "m")
    assert not any(tensor.is_per_channel for tensor in model.tensors)
    assert sum(tensor.type == "INT8" for tensor in model.tensors) == 6


def test_calibration_sets_the_ranges() -> None:
    small, large = (
        parse_model(quantize(DIGITS, Scheme.INT8, [IMAGES * factor], per_channel_dense=False), "m")
        for factor in (1, 4)
    )
    ratio = large.input_tensors[0].scales[0] / small.input_tensors[0].scales[0]
    assert ratio == pytest.approx(4, rel=0.01)


def test_a_model_without_a_signature_can_be_calibrated() -> None:
    rows = np.array([[[-2.0, 0.0, 1.0, 2.0]]], np.float32)
    content = quantize(models.dense_float(), Scheme.INT8, [rows], per_channel_dense=False)
    (tensor,) = parse_model(content, "m").input_tensors
    assert tensor.scales[0] == pytest.approx(4 / 255)


def test_float32_needs_no_quantizer() -> None:
    with pytest.raises(ConfigError, match="needs no quantizer"):
        quantize(DIGITS, Scheme.FLOAT32, [], per_channel_dense=False)
