from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from hil.checks.bounds import (
    EXACT,
    FLOAT_FLOOR,
    LITERT_LSB,
    UNIT_ROUNDOFF,
    Bound,
    device_bounds,
    float_bound,
    litert_bounds,
)
from hil.checks.compare import compare
from hil.model.flatbuffer import parse_model, read_model
from tests import models
from tests.conftest import SUITES

Reals = npt.NDArray[np.float32]


def test_integers_have_to_be_equal_and_litert_may_be_some_steps_away() -> None:
    model = parse_model(models.dense_int8(), "m")
    assert device_bounds(model) == (EXACT,)
    (litert,) = litert_bounds(model)
    assert (litert.absolute, litert.relative) == (16, 0)


@pytest.mark.parametrize(
    ("kind", "scales", "steps"),
    [
        ("INT8", (0.25,), 16),
        ("UINT8", (0.25,), 16),
        ("INT16", (2**-15,), 8),
        ("INT16", (), 0),
        ("INT8", (), 0),
        ("INT32", (0.25,), 0),
        ("INT64", (), 0),
        ("BOOL", (), 0),
    ],
)
def test_litert_may_be_as_far_away_as_the_type_explains(
    kind: str, scales: tuple[float, ...], steps: int
) -> None:
    model = parse_model(models.dense_int8(), "m")
    tensors = list(model.tensors)
    output = model.outputs[0]
    tensors[output] = replace(tensors[output], type=kind, scales=scales)
    assert litert_bounds(replace(model, tensors=tuple(tensors))) == (Bound(steps),)


@pytest.mark.parametrize(
    ("kind", "bits", "probability_lsb"), [("INT8", 8, 2**-8), ("INT16", 16, 2**-15)]
)
def test_one_step_of_logits_is_within_the_bound_after_softmax(
    kind: str, bits: int, probability_lsb: float
) -> None:
    step = 32 / 2 ** (bits - 1)
    logits = np.zeros((1, 2))  # where softmax is steepest
    before = np.exp(logits) / np.exp(logits).sum()
    logits[0, 0] += step
    after = np.exp(logits) / np.exp(logits).sum()
    assert np.abs(after - before).max() / probability_lsb <= LITERT_LSB[kind]


def test_a_dense_layer_is_bound_by_the_sum_of_its_inputs() -> None:
    bound = float_bound(parse_model(models.dense_float(64, 3), "m"))
    assert bound.relative == pytest.approx(2 * 64 * UNIT_ROUNDOFF, rel=1e-4)
    assert bound.absolute == FLOAT_FLOOR


def test_softmax_sums_its_classes() -> None:
    model = parse_model(models.single_operator("SOFTMAX", shape=(1, 10)), "m")
    assert float_bound(model).relative == pytest.approx(2 * 14 * UNIT_ROUNDOFF, rel=1e-4)


def test_the_bound_grows_with_depth() -> None:
    har = float_bound(read_model(SUITES / "har" / "models" / "har_float32.tflite"))
    assert 1e-5 < har.relative < 1e-4


def sums(weights: Reals, inputs: Reals) -> Reals:
    """Dot products summed one after the other in float32, N x 1."""
    terms = (inputs * weights).astype(np.float32)
    return np.cumsum(terms, axis=1, dtype=np.float32)[:, -1:]


@pytest.mark.parametrize("n", [16, 256, 4096])
def test_another_order_of_summing_is_within_the_bound_and_a_lost_term_is_not(n: int) -> None:
    model = parse_model(models.dense_float(n, 1), "regression")
    generator = np.random.default_rng(n)
    weights = generator.normal(size=n).astype(np.float32)
    inputs = generator.normal(size=(500, n)).astype(np.float32)
    expected, bounds = sums(weights, inputs), device_bounds(model)
    reordered = sums(weights[::-1], inputs[:, ::-1])
    assert not np.array_equal(reordered, expected)
    assert compare([reordered], [expected], bounds=bounds).beyond_bound_elements == 0
    weights[n // 2] = 0
    lossy = compare([sums(weights, inputs)], [expected], bounds=bounds)
    assert lossy.beyond_bound_elements > 400
