"""The eight models run on both host interpreters, which agree on them."""

from __future__ import annotations

import numpy as np

from hil.data import random_vectors
from hil.model.preflight import find_problems
from hil.reference.reference import ReferenceName, has_tflm_wheel
from hil.reference.references import References
from hil.target import Target
from hil.tflm.kernels import CMSIS_NN, REFERENCE
from hil.tflm.selftest_models import selftest_models
from hil.tflm.source import TflmSource
from hil.vocab import Scheme

MODELS = {model.name: model for model in selftest_models()}


def test_they_cover_what_trees_differ_in() -> None:
    assert len(MODELS) == 8
    schemes = {model.scheme for model in MODELS.values()}
    assert {Scheme.INT8, Scheme.INT16X8, Scheme.FLOAT32} <= schemes
    assert [name for name, model in MODELS.items() if model.has_state] == ["int8_state"]
    assert len(MODELS["int8_two_inputs"].inputs) == 2


def test_they_are_the_same_bytes_each_time() -> None:
    assert {m.name: m.sha256 for m in selftest_models()} == {
        name: model.sha256 for name, model in MODELS.items()
    }


def test_the_trees_take_them(target: Target, tflm_2020: TflmSource, tflm_2024: TflmSource) -> None:
    for library in (CMSIS_NN, REFERENCE):
        limits = tflm_2024.limits(target, library)
        assert not [model.name for model in MODELS.values() if find_problems(model, limits)]
    limits = tflm_2020.limits(target, REFERENCE)
    refused = [model.name for model in MODELS.values() if find_problems(model, limits)]
    assert refused == ["int16x8_conv"]


def test_host_interpreters_agree_and_outputs_are_no_constants() -> None:
    """What differs is the last digit of int16, which LiteRT rounds once."""
    references = References()
    try:
        for model in MODELS.values():
            inputs = random_vectors(model, 8, 1).inputs
            litert = references.run(ReferenceName.LITERT_REF, model, inputs).outputs
            assert all(len(np.unique(each)) > 20 for each in litert), model.name
            if not has_tflm_wheel():
                continue
            wheel = references.run(ReferenceName.TFLM, model, inputs).outputs
            for one, other in zip(wheel, litert, strict=True):
                difference = np.abs(one.astype(np.float64) - other.astype(np.float64)).max()
                limit = {"i": 1.0 if one.dtype == np.int16 else 0.0, "f": 1e-6}[one.dtype.kind]
                assert difference <= limit, model.name
    finally:
        references.close()
