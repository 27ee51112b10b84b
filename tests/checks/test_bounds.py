from __future__ import annotations

import numpy as np
import pytest

from hil.checks.bounds import (
    EXACT,
    FLOAT_FLOOR,
    UNIT_ROUNDOFF,
    device_bounds,
    float_bound,
    litert_bounds,
)
from hil.model.flatbuffer import parse_model, read_model
from tests import models
from tests.conftest import SUITES


def test_integers_have_to_be_equal_and_litert_may_be_some_steps_away() -> None:
    model = parse_model(models.dense_int8(), "m")
    assert device_bounds(model) == (EXACT,)
    (litert,) = litert_bounds(model)
    assert (litert.absolute, litert.relative) == (16, 0)


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


@pytest.mark.parametrize("n", [16, 256, 4096])
def test_two_orders_of_summing_stay_within_the_bound(n: int) -> None:
    generator = np.random.default_rng(n)
    bound = 2 * n * UNIT_ROUNDOFF
    for _ in range(50):
        products = (generator.normal(size=n) * generator.normal(size=n)).astype(np.float32)
        forwards = np.cumsum(products)[-1]
        backwards = np.cumsum(products[::-1])[-1]
        assert abs(float(forwards) - float(backwards)) <= bound * float(np.abs(products).sum())
