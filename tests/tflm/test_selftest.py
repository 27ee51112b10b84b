"""The selftest of a tree: equal outputs pass, anything else is a failure that says why."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hil.outcome import Outcome
from hil.reference.reference import ReferenceName
from hil.target import Target
from hil.tflm.kernels import CMSIS_NN, REFERENCE
from hil.tflm.selftest import judged, selftest
from hil.tflm.selftest_models import selftest_models
from hil.tflm.source import TflmSource
from hil.vocab import Status
from tests.outcomes import OUTPUTS, make_comparison, make_outcome

MODELS = {model.name: model for model in selftest_models()}


def outcome_with(
    *, found: np.ndarray = OUTPUTS, litert: np.ndarray = OUTPUTS, tail: int = 2000
) -> Outcome:
    """`found` against the wheel's OUTPUTS, and `litert` as LiteRT's outputs."""
    outcome = make_outcome(found)
    record = outcome.record
    comparisons = record.comparisons | {
        ReferenceName.LITERT_REF.value: make_comparison(found, litert)
    }
    metrics = record.metrics.model_copy(
        update={"arena_head_bytes": 3000, "arena_tail_bytes": tail, "arena_used_bytes": 5000}
    )
    changed = record.model_copy(update={"comparisons": comparisons, "metrics": metrics})
    return dataclasses.replace(outcome, record=changed)


def test_equal_outputs_pass() -> None:
    assert judged(outcome_with()) == (Status.PASS, "")


def test_outputs_that_differ_from_the_wheel_fail() -> None:
    status, reason = judged(outcome_with(found=OUTPUTS + 1, litert=OUTPUTS + 1))
    assert status is Status.FAIL
    assert "output elements differ from host TFLM" in reason


def test_a_fault_that_the_wheel_shares_fails_by_litert() -> None:
    status, reason = judged(outcome_with(litert=OUTPUTS + 1))
    assert status is Status.FAIL
    assert "too far from" in reason


def test_an_allocator_that_is_elsewhere_fails() -> None:
    status, reason = judged(outcome_with(tail=17))
    assert status is Status.FAIL
    assert "its allocator is not where hil looks for it" in reason


@pytest.mark.toolchain
@pytest.mark.emulated
def test_the_pinned_tree_passes_on_the_board(target: Target, tflm_2024: TflmSource) -> None:
    chosen = [MODELS["int8_two_inputs"], MODELS["int8_depthwise"]]
    rows = list(selftest(tflm_2024, target, [CMSIS_NN], chosen))
    assert [(row.model, row.status) for row in rows] == [
        ("int8_two_inputs", Status.PASS),
        ("int8_depthwise", Status.PASS),
    ]
    assert all(row.difference == "0 (wheel), 0 (LiteRT)" for row in rows)
    assert all(row.instructions for row in rows)


def test_what_a_tree_does_not_take_is_no_failure(target: Target, tflm_2020: TflmSource) -> None:
    (row,) = selftest(tflm_2020, target, [REFERENCE], [MODELS["int16x8_conv"]])
    assert row.status is Status.UNSUPPORTED
    assert not row.is_failure
    assert "int16" in row.reason
