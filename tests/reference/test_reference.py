from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hil.data import random_vectors
from hil.errors import ConfigError, ReferenceFailure
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.reference.reference import ChildReference, ReferenceName, reference_names
from tests import models

KERNELS = {
    ReferenceName.LITERT: "default kernels: XNNPACK",
    ReferenceName.LITERT_REF: "reference kernels",
    ReferenceName.LITERT_OPT: "optimized kernels, no XNNPACK",
}


# The tree's build for this host is no child process: tests/test_trace.py has it.
IN_CHILDREN = [name for name in ReferenceName if name is not ReferenceName.TFLM_TREE]


@pytest.fixture(params=IN_CHILDREN)
def reference(request: pytest.FixtureRequest) -> Iterator[ChildReference]:
    if request.param is ReferenceName.TFLM:
        pytest.importorskip("tflite_micro")
    interpreter = ChildReference(request.param)
    yield interpreter
    interpreter.close()


def test_a_dense_layer_is_computed_as_on_paper(
    reference: ChildReference, dense_model: ModelInfo
) -> None:
    x = np.array([[[1.0, -2.0, 0.5, 4.0]], [[0.0, 0.0, 0.0, 0.0]]], np.float32)
    result = reference.run(dense_model, [x])
    weights = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
    expected = x[:, 0] @ weights.T + np.arange(3)
    assert result.outputs[0].shape == (2, 1, 3)
    assert np.allclose(result.outputs[0][:, 0], expected)
    assert len(result.latency_us) == 2
    assert all(value > 0 for value in result.latency_us)


def test_the_label_names_version_and_resolver(
    reference: ChildReference, dense_model: ModelInfo
) -> None:
    result = reference.run(dense_model, random_vectors(dense_model, 1, 0).inputs)
    if reference.name is ReferenceName.TFLM:
        assert result.label.startswith("host TFLM")
        assert result.arena_bytes is not None
        assert result.arena_bytes > 0
    else:
        assert result.label.startswith("LiteRT")
        assert KERNELS[reference.name] in result.label
        assert result.arena_bytes is None


def test_an_integer_model_stays_integer(reference: ChildReference, digits_int8: ModelInfo) -> None:
    result = reference.run(digits_int8, random_vectors(digits_int8, 5, 0).inputs)
    assert result.outputs[0].dtype == np.int8
    assert result.outputs[0].shape == (5, 1, 10)


def test_the_resolvers_are_really_different(digits_int8: ModelInfo) -> None:
    inputs = random_vectors(digits_int8, 200, 0).inputs
    outputs = []
    for name in KERNELS:
        interpreter = ChildReference(name)
        outputs.append(interpreter.run(digits_int8, inputs).outputs[0])
        interpreter.close()
    default, reference, optimized = outputs
    assert not np.array_equal(default, reference)
    assert not np.array_equal(default, optimized)


def test_names_are_read_and_wrong_ones_explained() -> None:
    assert reference_names(["litert", "tflm", "litert"]) == (
        ReferenceName.LITERT,
        ReferenceName.TFLM,
    )
    with pytest.raises(ConfigError) as caught:
        reference_names(["litert_reff"])
    assert "did you mean litert_ref" in caught.value.hint


def test_a_refused_model_is_an_error_and_the_child_goes_on(dense_model: ModelInfo) -> None:
    pytest.importorskip("tflite_micro")
    reference = ChildReference(ReferenceName.TFLM)
    hybrid = parse_model(models.dense_int8(input_type="FLOAT32"), "hybrid")
    with pytest.raises(ReferenceFailure, match="refuses the model"):
        reference.run(hybrid, random_vectors(hybrid, 1, 0).inputs)
    assert reference.run(dense_model, random_vectors(dense_model, 1, 0).inputs).outputs
    reference.close()
