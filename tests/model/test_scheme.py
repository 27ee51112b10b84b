from __future__ import annotations

import numpy as np
import pytest

from hil.model.flatbuffer import parse_model, read_model
from hil.vocab import CONVERSIONS, Scheme
from tests import models
from tests.conftest import SUITES
from tests.model.data import stored
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


def test_uint8_is_a_scheme_of_its_own() -> None:
    model = stored("uint8fc")
    assert model.scheme is Scheme.UINT8
    assert model.is_integer


def test_uint8_inputs_and_outputs_make_no_uint8_model() -> None:
    assert stored("u8io").scheme is Scheme.INT8


@pytest.mark.parametrize(
    ("type_", "scheme"),
    [("UINT8", Scheme.UINT8), ("INT16", Scheme.INT16X8), ("INT8", Scheme.INT8)],
)
def test_models_without_weights_tell_by_what_they_compute_on(type_: str, scheme: Scheme) -> None:
    tensor = Tensor(type_, (1, 4), scales=(0.1,))
    content = models.write(Model([tensor] * 3, [Operator("ADD", (0, 1), (2,))], (0, 1), (2,)))
    assert scheme_of(content) is scheme


def test_integers_that_stand_for_no_real_values_are_integer() -> None:
    """As in signal processing: int16 samples in, int32 out."""
    tensors = [Tensor("INT16", (1, 4)), Tensor("INT32", (1, 4))]
    content = models.write(Model(tensors, [Operator("CAST", (0,), (1,))], (0,), (1,)))
    model = parse_model(content, "m")
    assert model.scheme is Scheme.INTEGER
    assert model.is_integer


def test_a_float_model_with_a_quantized_end_stays_float() -> None:
    tensors = [
        Tensor("FLOAT32", (1, 4)),
        Tensor("FLOAT32", (1, 4)),
        Tensor("UINT8", (1, 4), scales=(0.1,)),
    ]
    operators = [Operator("ABS", (0,), (1,)), Operator("QUANTIZE", (1,), (2,))]
    content = models.write(Model(tensors, operators, (0,), (2,)))
    assert scheme_of(content) is Scheme.FLOAT32
