"""'quantize to int8 (hil model convert --scheme int8)': what it makes of a float model runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hil.data import Inputs, Vectors, vectors_for
from hil.firmware.host_build import HostBuilder
from hil.model.convert import Converter
from hil.model.rule import Case
from hil.reference.tree import TreeReference
from hil.tflm.rules_2024 import RULES
from hil.tflm.source import TflmSource
from hil.vocab import Scheme
from tests import models
from tests.extras import needs_quantizer
from tests.tflm.cases_convolution import FLOAT_CONV
from tests.tflm.one_operator import f32, floats, ints, one, two
from tests.tflm.rule_case import CMSIS_NN, REFERENCE
from tests.tflm.test_rules_2024 import litert

NETWORK = two(
    two(FLOAT_CONV, one("RESHAPE", [f32(1, 6, 6, 4), ints(1, 144)], f32(1, 144))),
    one("FULLY_CONNECTED", [f32(1, 144), floats(4, 144), floats(4)], f32(1, 4)),
)


DATA = np.random.default_rng(3).uniform(-1, 1, (16, 1, 6, 6, 4)).astype(np.float32)


def calibration(model: Inputs) -> Vectors:
    return vectors_for(model, {"x": DATA}, "calibration")


@needs_quantizer
@pytest.mark.toolchain
def test_a_float_network_quantized_to_int8_runs(tflm_2024: TflmSource, tmp_path: Path) -> None:
    source = tmp_path / "float.tflite"
    source.write_bytes(models.write(NETWORK))
    with Converter() as converter:
        model = converter.convert(source, Scheme.INT8, calibration).model
    assert model.scheme is Scheme.INT8
    for kernels in (CMSIS_NN, REFERENCE):
        assert [f for o in model.operators for f in RULES.findings(Case(model, o, kernels))] == []
    quantized = vectors_for(model, {"x": DATA[:4]}, "test").inputs
    computed = TreeReference(HostBuilder(tflm_2024, CMSIS_NN)).run(model, quantized).outputs[0]
    output = model.output_tensors[0]
    real = (computed.astype(np.float64) - output.zero_points[0]) * output.scales[0]
    wanted = [row[0] for row in litert(NETWORK, [[array] for array in DATA[:4]]) or []]
    assert np.abs(real.reshape(4, 4) - np.concatenate(wanted)).max() < 0.1 * np.abs(wanted).max()
