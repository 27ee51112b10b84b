"""Remedies of the 2024 tree's rules that need a converter or another tree."""

from __future__ import annotations

import numpy as np
import pytest

from hil.data import Array, Inputs, Vectors, vectors_for
from hil.firmware.host_build import HostBuilder
from hil.model.convert import Converter
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.model.rule import Case
from hil.reference.tree import TreeReference
from hil.tflm.rules_2024 import RULES
from hil.tflm.source import TflmSource
from hil.vocab import Scheme
from tests import models
from tests.conftest import SUITES
from tests.extras import needs_quantizer
from tests.models import Tensor
from tests.tflm.one_operator import bias, one, u8
from tests.tflm.rule_case import CMSIS_NN, REFERENCE

DIGITS = SUITES / "digits" / "models" / "digits_float32.tflite"
IMAGES = np.random.default_rng(5).random((8, 8, 8, 1), np.float32)


def images(model: Inputs) -> Vectors:
    return vectors_for(model, {"x": IMAGES}, "images")


def reasons(model: ModelInfo, kernels: str) -> list[str]:
    return [f.reason for o in model.operators for f in RULES.findings(Case(model, o, kernels))]


@needs_quantizer
@pytest.mark.toolchain
def test_what_is_refused_as_hybrid_runs_as_int8(tflm_2024: TflmSource) -> None:
    with Converter() as converter:
        hybrid = converter.convert(DIGITS, Scheme.DYNAMIC, None).model
        model = converter.convert(DIGITS, Scheme.INT8, images).model
    for kernels in (CMSIS_NN, REFERENCE):
        assert any("hybrid" in reason for reason in reasons(hybrid, kernels))
        assert reasons(model, kernels) == []
    vectors = images(model).inputs
    computed = TreeReference(HostBuilder(tflm_2024, CMSIS_NN)).run(model, vectors).outputs[0]
    assert computed.tolist() == litert_outputs(model, vectors[0]).tolist()


@pytest.mark.toolchain
def test_what_is_refused_as_uint8_runs_on_the_tree_of_2020(tflm_2020: TflmSource) -> None:
    filters = np.random.default_rng(1).integers(0, 256, (3, 8)).astype(np.uint8)
    dense = one(
        "FULLY_CONNECTED",
        [
            u8(1, 8, zero=128),
            Tensor("UINT8", (3, 8), filters, (0.02,), (100,)),
            bias(3, 0.002),
        ],
        u8(1, 3, scale=0.5, zero=100),
    )
    model = parse_model(models.write(dense), "uint8")
    remedies = [f.remedy for o in model.operators for f in RULES.findings(Case(model, o, CMSIS_NN))]
    assert any("TFLM of 2020 has uint8 kernels (--tflm 2020)" in remedy for remedy in remedies)
    rows = np.random.default_rng(2).integers(0, 256, (4, 1, 8)).astype(np.uint8)
    computed = TreeReference(HostBuilder(tflm_2020)).run(model, [rows]).outputs[0]
    assert computed.tolist() == litert_outputs(model, rows).tolist()


def litert_outputs(model: ModelInfo, rows: Array) -> Array:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model.content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    data, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for row in rows:
        interpreter.set_tensor(data["index"], row)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(output["index"]).copy())
    return np.stack(outputs)
