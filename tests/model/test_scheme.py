from __future__ import annotations

import numpy as np
import pytest

from hil.model.flatbuffer import parse_model, read_model
from hil.vocab import CONVERSIONS, Scheme
from tests import models
from tests.conftest import SUITES
from tests.models import Model, Operator, Tensor


def scheme_of(content: bytes) -> Scheme:
    return parse_model(content, "m").scheme


@pytest.mark.parametrize("scheme", CONVERSIONS)
@pytest.mark.parametrize("suite", ["har", "digits"])
def test_converted_models(suite: str, scheme: Scheme) -> None:
    path = SUITES / suite / "models" / f"{suite}_{scheme.value}.tflite"
    assert read_model(path).scheme is scheme


def test_float_weights_are_float32() -> None:
    assert scheme_of(models.dense_float()) is Scheme.FLOAT32


def test_int8_weights_with_int8_data_are_int8() -> None:
    assert scheme_of(models.dense_int8()) is Scheme.INT8


def test_int8_weights_with_float_data_are_dynamic() -> None:
    assert scheme_of(models.dense_int8(input_type="FLOAT32")) is Scheme.DYNAMIC


def test_int8_weights_with_int16_data_are_int16x8() -> None:
    assert scheme_of(models.dense_int8(input_type="INT16")) is Scheme.INT16X8


@pytest.mark.parametrize(
    ("stored", "scheme"), [("FLOAT16", Scheme.FLOAT16), ("INT8", Scheme.WEIGHT_ONLY)]
)
def test_a_dequantized_constant_tells_by_its_type(stored: str, scheme: Scheme) -> None:
    data = np.zeros(4, np.float16 if stored == "FLOAT16" else np.int8)
    content = models.write(
        Model(
            [
                Tensor(stored, (4,), data, scales=(0.1,) if stored == "INT8" else ()),
                Tensor("FLOAT32", (4,)),
                Tensor("FLOAT32", (4,)),
            ],
            [Operator("DEQUANTIZE", (0,), (1,)), Operator("ADD", (1, 1), (2,))],
            (1,),
            (2,),
        )
    )
    assert scheme_of(content) is scheme


def test_an_integer_model_without_weights_is_int8() -> None:
    assert scheme_of(models.single_operator("MAX_POOL_2D", type_="INT8")) is Scheme.INT8
