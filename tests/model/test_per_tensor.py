"""An int8 model with per-channel dense layers, brought to one scale for each."""

from __future__ import annotations

import numpy as np
import pytest

from hil.data import random_vectors
from hil.errors import ModelError
from hil.firmware.build import Builder
from hil.model.flatbuffer import parse_model, read_model
from hil.model.info import ModelInfo, TensorInfo
from hil.model.per_tensor import per_tensor_dense
from hil.model.preflight import Limits, find_problems
from hil.model.provenance import read_provenance
from hil.reference.reference import ReferenceName
from tests import models
from tests.conftest import SUITES
from tests.model.data import stored
from tests.model.judges import are_equal, on_board, on_host

VECTORS = 50


@pytest.fixture(scope="module")
def before() -> ModelInfo:
    """What today's converter makes of two dense layers."""
    return stored("dense_per_channel_int8")


@pytest.fixture(scope="module")
def after(before: ModelInfo) -> ModelInfo:
    return per_tensor_dense(before).model


def dense_weights(model: ModelInfo) -> list[TensorInfo]:
    dense = [op for op in model.operators if op.name == "FULLY_CONNECTED"]
    return [model.tensors[op.inputs[1]] for op in dense]


def test_each_layer_has_one_scale(before: ModelInfo, after: ModelInfo) -> None:
    assert [len(tensor.scales) for tensor in dense_weights(before)] == [12, 4]
    assert [len(tensor.scales) for tensor in dense_weights(after)] == [1, 1]
    assert len(after.tensors) >= len(before.tensors)


def test_the_outputs_stay_close(before: ModelInfo, after: ModelInfo) -> None:
    """Found: at most 1 step of the output, 0.28 on average."""
    inputs = random_vectors(before, VECTORS, 0).inputs
    one, other = (on_host(model, inputs)[0].astype(int) for model in (before, after))
    assert np.abs(one - other).max() <= 2
    assert np.abs(one - other).mean() <= 0.4
    assert np.ptp(one) > 100


def test_the_cost_is_that_of_rounding_to_the_one_scale(before: ModelInfo) -> None:
    done = per_tensor_dense(before)
    for layer, weights in zip(done.layers, dense_weights(done.model), strict=True):
        half_a_step = weights.scales[0] / 2
        assert 0 < layer.mean_error < layer.max_error <= half_a_step * 1.0001
        assert layer.largest_weight == pytest.approx(127 * weights.scales[0])
        assert f"{layer.channels} scales made one" in str(layer)


def test_a_bias_is_rescaled_to_the_real_value_it_had() -> None:
    model = parse_model(models.dense_int8((0.01, 0.02, 0.04)), "m")
    table = models.unpacked(model.content)
    bias = table.subgraphs[0].tensors[2]
    table.buffers[bias.buffer].data = np.frombuffer(
        np.array([400, -200, 100], np.int32).tobytes(), np.uint8
    )
    model = parse_model(models.packed(table), "m")
    done = per_tensor_dense(model).model
    (operator,) = done.operators
    scale = done.tensors[operator.inputs[2]].scales[0]
    values = np.array(done.tensors[operator.inputs[2]].constant_values)
    assert np.allclose(values * scale, [2.0, -2.0, 2.0], atol=scale)
    inputs = random_vectors(model, VECTORS, 0).inputs
    one, other = (on_host(each, inputs)[0].astype(int) for each in (model, done))
    assert np.abs(one - other).max() <= 1


@pytest.mark.emulated
@pytest.mark.toolchain
def test_it_runs_where_the_original_was_refused_and_equals_the_wheel(
    before: ModelInfo,
    after: ModelInfo,
    limits: Limits,
    builder_2020: Builder,
) -> None:
    problems = find_problems(before, limits)
    assert all("hil model convert --per-tensor-dense" in problem.remedy for problem in problems)
    assert len(problems) == 2
    assert find_problems(after, limits) == []
    inputs = random_vectors(after, VECTORS, 1).inputs
    found = on_board(after, inputs, builder_2020)
    assert are_equal(found, on_host(after, inputs, ReferenceName.TFLM))


def test_the_file_says_what_it_is(before: ModelInfo, after: ModelInfo) -> None:
    found = read_provenance(after.content)
    assert found is not None
    assert found.source_sha256 == before.sha256
    assert not found.per_channel_dense
    assert set(found.tools) == {"tflm-hil"}
    assert per_tensor_dense(before).model.content == after.content


def test_other_models_are_refused_with_what_to_do(digits_int8: ModelInfo) -> None:
    with pytest.raises(ModelError, match="no dense layer with a scale for each channel"):
        per_tensor_dense(digits_int8)
    float32 = read_model(SUITES / "digits" / "models" / "digits_float32.tflite")
    with pytest.raises(ModelError, match="is float32") as failed:
        per_tensor_dense(float32)
    assert "hil model convert --scheme int8" in failed.value.hint
