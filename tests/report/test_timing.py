from __future__ import annotations

from hil.record import Metrics
from hil.report.timing import board_line, timing_line
from hil.vocab import CounterUnit, Kind
from tests.outcomes import make_record


def hardware(**figures: object) -> Metrics:
    return Metrics.model_validate({"vectors": 2, "macs": 100, **figures})


def test_spread_and_impossible_samples_are_told() -> None:
    metrics = hardware(
        latency_samples=1200,
        latency_impossible_samples=3,
        latency_p90_cycles=2200.4,
        latency_p99_cycles=2400,
        latency_iqr_cycles=30,
    )
    condition = make_record().condition.model_copy(update={"counter_unit": CounterUnit.CYCLES})
    record = make_record(kind=Kind.HARDWARE, metrics=metrics, condition=condition)
    assert timing_line(record) == (
        "latency in cycles: p90 2,200, p99 2,400, IQR 30, n 1200 (3 impossible samples left out)"
    )


def test_a_percentile_that_is_absent_is_left_out() -> None:
    metrics = hardware(latency_samples=5, latency_p90_instructions=7, latency_iqr_instructions=1)
    assert timing_line(make_record(metrics=metrics)) == "latency in instructions: p90 7, IQR 1, n 5"


def test_the_boards_check_is_told_with_its_rate() -> None:
    metrics = hardware(empty_window_cycles=3, fixed_kernel_cycles=32778, counter_rate_hz=216.04e6)
    condition = make_record().condition.model_copy(update={"counter_unit": CounterUnit.CYCLES})
    record = make_record(kind=Kind.HARDWARE, metrics=metrics, condition=condition)
    assert board_line(record) == (
        "board: an empty window is 3 cycles, the fixed kernel 32,778; "
        "its counter runs at 216.0 MHz by the host's clock"
    )


def test_without_a_check_nothing_is_said_of_the_board() -> None:
    assert board_line(make_record(metrics=hardware())) == ""
