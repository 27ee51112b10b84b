"""Files of today's converters that TFLM computes wrongly without a word: found beforehand."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from hil.data import random_vectors, vectors_for
from hil.model.convert import Converter
from hil.model.convert_form import normal_form
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.model.preflight import Limits, find_problems
from hil.reference.reference import ChildReference, ReferenceName
from hil.target import Target
from hil.tflm.kernels import REFERENCE
from hil.tflm.source import TflmSource
from hil.vocab import Scheme
from tests.conftest import SUITES
from tests.extras import needs_quantizer
from tests.model.test_provenance import PROVENANCE

pytestmark = needs_quantizer

DIGITS = SUITES / "digits" / "models" / "digits_float32.tflite"
IMAGES = np.random.default_rng(5).random((16, 8, 8, 1), np.float32)


@pytest.fixture
def limits(target: Target, tflm_2020: TflmSource) -> Limits:
    return tflm_2020.limits(target, REFERENCE)


def int8(*, per_channel_dense: bool) -> ModelInfo:
    with Converter() as converter:
        return converter.convert(
            DIGITS,
            Scheme.INT8,
            lambda model: vectors_for(model, {"x": IMAGES}, "images"),
            per_channel_dense=per_channel_dense,
        ).model


def weight_only(*, per_channel: bool) -> ModelInfo:
    from ai_edge_quantizer import recipe
    from ai_edge_quantizer.quantizer import Quantizer

    if not per_channel:
        with Converter() as converter:
            return converter.convert(DIGITS, Scheme.WEIGHT_ONLY).model
    quantizer = Quantizer(DIGITS.read_bytes(), recipe.weight_only_wi8_afp32())
    result = quantizer.quantize(enable_progress_report=False, enable_progress_bar=False)
    return parse_model(normal_form(bytes(result.quantized_model), PROVENANCE), "per-channel")


def outputs(model: ModelInfo, name: ReferenceName) -> npt.NDArray[Any]:
    inputs = random_vectors(model, 20, 0).inputs
    reference = ChildReference(name)
    result = reference.run(model, inputs).outputs[0].astype(np.float64)
    reference.close()
    return result


def with_first_scale_for_all(model: ModelInfo) -> ModelInfo:
    """What a TFLM computes that knows of one scale only, as a file that says so."""
    table: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model.content, 0))
    dense = next(op for op in model.operators if op.name == "FULLY_CONNECTED")
    for index in dense.inputs[1:]:
        quantization = table.subgraphs[0].tensors[index].quantization
        quantization.scale = quantization.scale[:1]
        quantization.zeroPoint = quantization.zeroPoint[:1]
    builder = flatbuffers.Builder(1024)
    builder.Finish(table.Pack(builder), b"TFL3")
    return parse_model(bytes(builder.Output()), "first scale")


def test_per_channel_dense_layers_are_found(limits: Limits) -> None:
    (problem,) = find_problems(int8(per_channel_dense=True), limits)
    text = str(problem)
    assert text.startswith("operator 7 FULLY_CONNECTED: per-channel weights (10 scales)")
    assert "(its tensors: int8, int8, int32 -> int8)" in text
    assert "hil model convert --per-tensor-dense" in problem.remedy
    assert find_problems(int8(per_channel_dense=False), limits) == []


def test_per_channel_dense_layers_would_be_wrong() -> None:
    model = int8(per_channel_dense=True)
    right, wrong = (
        outputs(each, ReferenceName.LITERT) for each in (model, with_first_scale_for_all(model))
    )
    assert np.abs(right - wrong).max() > 10


def test_todays_tflm_takes_each_channels_scale_in_dense_layers() -> None:
    model = int8(per_channel_dense=True)
    each, first = (
        outputs(file, ReferenceName.TFLM) for file in (model, with_first_scale_for_all(model))
    )
    assert np.abs(each - first).max() > 10
    right = outputs(model, ReferenceName.LITERT)
    assert np.abs(each - right).mean() < np.abs(first - right).mean() / 4


def test_dequantized_per_channel_constants_are_found(limits: Limits) -> None:
    problems = find_problems(weight_only(per_channel=True), limits)
    assert {problem.operator.name for problem in problems if problem.operator} == {"DEQUANTIZE"}
    text = str(problems[0])
    assert text.startswith("operator 0 DEQUANTIZE: per-channel constant (16 scales)")
    assert "(its tensors: int8 -> float32)" in text
    assert "hil model convert --scheme weight_only" in text
    assert find_problems(weight_only(per_channel=False), limits) == []


def test_dequantized_per_channel_constants_are_wrong_on_todays_tflm_too() -> None:
    per_channel, per_tensor = weight_only(per_channel=True), weight_only(per_channel=False)
    far, near = (
        np.abs(outputs(model, ReferenceName.TFLM) - outputs(model, ReferenceName.LITERT)).max()
        for model in (per_channel, per_tensor)
    )
    assert far > 0.1
    assert near < 1e-5
