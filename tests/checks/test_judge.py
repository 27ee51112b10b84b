from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hil.checks.judge import judge
from hil.errors import DataError, ReferenceFailure
from hil.measure import Outcome
from hil.record import Metrics
from hil.reference.reference import ReferenceName
from hil.suite import AccuracyCheck, Checks, LatencyCheck, Metric, OutputsCheck
from hil.vocab import CheckName, Kind, Status
from tests.outcomes import make_outcome

TOP1 = Metric(name="top1")
NO_LIMITS = Checks()


def status(check: CheckName, outcome: Outcome, limits: Checks = NO_LIMITS) -> Status:
    return judge(check, outcome, limits, TOP1).status


def with_metrics(**changes: float | None) -> Outcome:
    outcome = make_outcome()
    metrics = Metrics.model_validate(outcome.record.metrics.model_dump() | changes)
    return replace(outcome, record=outcome.record.model_copy(update={"metrics": metrics}))


def test_equal_integer_outputs_pass() -> None:
    assert status(CheckName.OUTPUTS, make_outcome()) is Status.PASS


def test_one_lsb_fails_an_integer_model() -> None:
    outcome = with_metrics(outputs_differing_elements=1, outputs_max_abs_error=1.0)
    verdict = judge(CheckName.OUTPUTS, outcome, Checks(), TOP1)
    assert verdict.status is Status.FAIL
    assert "1 of 20" in verdict.reason


def test_floats_have_a_tolerance_that_the_suite_may_set() -> None:
    outcome = with_metrics(outputs_differing_elements=3, outputs_max_abs_error=5e-6)
    outcome = replace(outcome, outputs=(np.zeros((2, 10), np.float32),))
    assert status(CheckName.OUTPUTS, outcome) is Status.PASS
    tight = Checks(outputs=OutputsCheck(tolerance=1e-6))
    assert status(CheckName.OUTPUTS, outcome, tight) is Status.FAIL


def test_no_reference_is_no_verdict_on_outputs() -> None:
    outcome = replace(
        make_outcome(),
        references={},
        reference_errors={ReferenceName.TFLM: ReferenceFailure("it died")},
    )
    assert status(CheckName.OUTPUTS, outcome) is Status.ERROR


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (AccuracyCheck(), Status.NEW),
        (AccuracyCheck(min=0.9), Status.PASS),
        (AccuracyCheck(min=0.96), Status.FAIL),
        (AccuracyCheck(max=0.94), Status.FAIL),
    ],
)
def test_accuracy_is_held_to_its_limits(limits: AccuracyCheck, expected: Status) -> None:
    assert status(CheckName.ACCURACY, make_outcome(), Checks(accuracy=limits)) is expected


def test_accuracy_without_a_metric_is_skipped() -> None:
    assert judge(CheckName.ACCURACY, make_outcome(), Checks(), None).status is Status.SKIP


def test_accuracy_that_could_not_be_computed_is_an_error() -> None:
    outcome = replace(make_outcome(), accuracy_errors={"accuracy_device": DataError("no labels")})
    assert status(CheckName.ACCURACY, outcome) is Status.ERROR


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (LatencyCheck(), Status.NEW),
        (LatencyCheck(max_instructions=1000), Status.PASS),
        (LatencyCheck(max_instructions=999), Status.FAIL),
        (LatencyCheck(max_ms=0.001), Status.NEW),
    ],
)
def test_emulated_latency_is_held_to_instructions_only(
    limits: LatencyCheck, expected: Status
) -> None:
    assert status(CheckName.LATENCY, make_outcome(), Checks(latency=limits)) is expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (LatencyCheck(max_instructions=1), Status.NEW),
        (LatencyCheck(max_ms=2.0), Status.PASS),
        (LatencyCheck(max_ms=0.5), Status.FAIL),
    ],
)
def test_real_latency_is_held_to_time_only(limits: LatencyCheck, expected: Status) -> None:
    outcome = with_metrics(latency_median_ms=1.0, latency_median_instructions=None)
    record = outcome.record.model_copy(update={"kind": Kind.HARDWARE})
    outcome = replace(outcome, record=record)
    assert status(CheckName.LATENCY, outcome, Checks(latency=limits)) is expected


@pytest.mark.parametrize("check", [CheckName.ARENA, CheckName.FLASH])
@pytest.mark.parametrize(
    ("limit", "expected"), [(None, Status.NEW), (5000, Status.PASS), (4999, Status.FAIL)]
)
def test_sizes_are_held_to_their_limits(
    check: CheckName, limit: int | None, expected: Status
) -> None:
    limits = Checks.model_validate({check.value: {"max_bytes": limit}})
    assert status(check, make_outcome(), limits) is expected
