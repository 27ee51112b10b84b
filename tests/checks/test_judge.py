from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hil.checks.agreement import DEVICE
from hil.checks.bounds import Bound
from hil.checks.judge import judge
from hil.data import Array
from hil.errors import DataError, HilError, ReferenceFailure
from hil.outcome import Outcome
from hil.record import Metrics
from hil.reference.reference import ReferenceName
from hil.suite import AccuracyCheck, Checks, LatencyCheck, Metric, OutputsCheck
from hil.vocab import CheckName, Kind, Status
from tests.outcomes import OUTPUTS, make_outcome, make_record

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


def test_one_lsb_fails_an_integer_model_and_is_placed() -> None:
    found = OUTPUTS.copy()
    found[1, 4] = -1
    verdict = judge(CheckName.OUTPUTS, make_outcome(found), Checks(), TOP1)
    assert verdict.status is Status.FAIL
    assert "1 of 20 output elements differ from host TFLM, in 1 vectors, by up to 1 LSB" in (
        verdict.reason
    )
    assert "worst vectors of output 'output 0': 1 (by 1)" in verdict.reason


def floats(value: float) -> Array:
    return np.full((2, 10), value, np.float32)


def test_floats_are_held_to_their_bound() -> None:
    bound = Bound(1e-6, 1e-5)
    near = make_outcome(floats(100.0005), floats(100.0), bound)
    assert status(CheckName.OUTPUTS, near) is Status.PASS
    far = make_outcome(floats(100.002), floats(100.0), bound)
    verdict = judge(CheckName.OUTPUTS, far, Checks(), TOP1)
    assert verdict.status is Status.FAIL
    assert "more than 1e-05 x the largest output (or 1e-06)" in verdict.reason
    assert verdict.limits == {"bound_absolute": 1e-6, "bound_relative": 1e-5}


def test_a_tolerance_of_the_suite_goes_before_the_bound() -> None:
    outcome = make_outcome(floats(1.5), floats(1.0), Bound(1e-6, 1e-5))
    wide, tight = OutputsCheck(tolerance=0.5), OutputsCheck(tolerance=0.4)
    assert status(CheckName.OUTPUTS, outcome, Checks(outputs=wide)) is Status.PASS
    assert status(CheckName.OUTPUTS, outcome, Checks(outputs=tight)) is Status.FAIL


def test_a_tolerance_of_the_suite_is_in_lsb_for_integers() -> None:
    outcome = make_outcome(OUTPUTS + np.int8(2))
    assert status(CheckName.OUTPUTS, outcome) is Status.FAIL
    checks = Checks(outputs=OutputsCheck(tolerance=2))
    assert status(CheckName.OUTPUTS, outcome, checks) is Status.PASS


def test_nan_is_never_close() -> None:
    outcome = make_outcome(floats(np.nan), floats(1.0), Bound(1e9))
    checks = Checks(outputs=OutputsCheck(tolerance=1e9))
    assert status(CheckName.OUTPUTS, outcome) is Status.FAIL
    assert status(CheckName.OUTPUTS, outcome, checks) is Status.FAIL


def test_a_reference_that_failed_is_no_verdict_on_outputs() -> None:
    errors: dict[ReferenceName, HilError] = {ReferenceName.TFLM: ReferenceFailure("it died")}
    outcome = replace(make_outcome(), record=make_record(), reference_errors=errors)
    assert status(CheckName.OUTPUTS, outcome) is Status.ERROR


def test_a_reference_that_was_left_out_is_told_and_skipped() -> None:
    outcome = replace(make_outcome(), record=make_record())
    verdict = judge(CheckName.OUTPUTS, outcome, Checks(), TOP1)
    assert verdict.status is Status.SKIP
    assert "tflm or tflm_tree is not among the references asked for" in verdict.reason


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
    outcome = replace(make_outcome(), accuracy_errors={DEVICE: DataError("no labels")})
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


def test_nan_is_no_result_although_the_reference_has_the_same() -> None:
    found = floats(1.0)
    found[1, 3:5] = np.nan
    verdict = judge(
        CheckName.OUTPUTS, make_outcome(found, found, Bound(1e-6, 1e-5)), Checks(), TOP1
    )
    assert verdict.status is Status.FAIL
    assert verdict.reason.startswith("2 of 20 output elements are NaN, as those of host TFLM")
