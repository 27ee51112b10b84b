"""One quantity of a run against the baseline's."""

from __future__ import annotations

import pytest

from hil.errors import ConfigError
from hil.gate.entry import BaselineEntry
from hil.gate.expression import parse_expressions
from hil.gate.hold import Terms, hold
from hil.gate.noise import NoiseFloor
from hil.record import BothLatencies, GateAnswer
from hil.vocab import GateOutcome
from tests.entries import hardware_entry, make_entry

ENTRY = make_entry(outputs_max_lsb=0)
TERMS = Terms("nightly")


def answer(
    text: str, after: BaselineEntry, before: BaselineEntry | None = ENTRY, terms: Terms = TERMS
) -> GateAnswer:
    (expression,) = parse_expressions([text])
    return hold(expression, before, after, terms)


def latency(value: float) -> BaselineEntry:
    return make_entry(metrics={"latency_median_instructions": value})


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (1000.0, GateOutcome.PASS),
        (1020.0, GateOutcome.PASS),
        (1021.0, GateOutcome.FAIL),
        (500.0, GateOutcome.PASS),
    ],
)
def test_up_to_the_limit_passes_and_beyond_fails(value: float, outcome: GateOutcome) -> None:
    assert answer("latency.median:+2%", latency(value)).outcome is outcome


def test_both_figures_the_margin_and_the_cause_are_told() -> None:
    slow = make_entry(
        metrics={"latency_median_instructions": 1050.0}, subject={"flags": ("-Os", "-DNDEBUG")}
    )
    told = answer("latency.median:+2%", slow)
    assert told.reason == (
        "latency.median 1,000 -> 1,050 instructions: +50 (+5.00%), "
        "30 beyond the limit +2% of baseline nightly"
    )
    assert (told.before, told.after, told.change, told.limit) == (1000, 1050, 50, 20)
    assert told.causes == ("flags: -O2 -> -Os",)


def test_a_pass_tells_what_is_left() -> None:
    told = answer("latency.median:+2%", latency(1005.0))
    assert told.reason.endswith("within the limit +2% of baseline nightly (15 left)")
    assert "unchanged" in answer("latency.median:0", latency(1000.0)).reason


def test_at_limit_0_any_change_for_the_worse_fails() -> None:
    assert answer("latency.median:0", latency(1001.0)).outcome is GateOutcome.FAIL
    assert answer("latency.median:0", latency(999.0)).outcome is GateOutcome.PASS


@pytest.mark.parametrize(
    ("accuracy", "outcome"),
    [(0.95, "pass"), (0.9450000001, "pass"), (0.945, "pass"), (0.944, "fail"), (0.99, "pass")],
)
def test_accuracy_may_drop_by_points(accuracy: float, outcome: str) -> None:
    told = answer("accuracy:-0.5pp", make_entry(metrics={"accuracy_device": accuracy}))
    assert told.outcome == outcome


def test_an_accuracy_is_told_in_points() -> None:
    told = answer("accuracy:0.5pp", make_entry(metrics={"accuracy_device": 0.93}))
    assert told.reason.startswith("accuracy 0.9500 -> 0.9300 top1: -2.00 points, 0.0150 beyond")


def test_of_an_error_lower_is_better() -> None:
    old = make_entry(accuracy_metric="mae", accuracy_better="lower")
    new = old.model_copy(
        update={"metrics": old.metrics.model_copy(update={"accuracy_device": 0.97})}
    )
    assert answer("accuracy:+0.01", new, old).outcome is GateOutcome.FAIL
    assert answer("accuracy:+0.03", new, old).outcome is GateOutcome.PASS
    assert answer("accuracy:+0.01", old, new).outcome is GateOutcome.PASS
    with pytest.raises(ConfigError, match="lower is better"):
        answer("accuracy:-0.01", new, old)


def test_another_metric_is_not_compared() -> None:
    told = answer("accuracy:0.5pp", make_entry(accuracy_metric="topk"))
    assert told.outcome is GateOutcome.INCOMPARABLE
    assert told.reason == "accuracy: another metric: top1 -> topk"


def test_a_relative_limit_on_0_allows_nothing() -> None:
    assert answer("outputs.max_lsb:50%", make_entry(outputs_max_lsb=0)).outcome == "pass"
    told = answer("outputs.max_lsb:50%", make_entry(outputs_max_lsb=1))
    assert told.outcome is GateOutcome.FAIL
    assert "inf" not in told.reason


def test_without_an_entry_it_is_new() -> None:
    told = answer("latency.median:0", ENTRY, None)
    assert told.outcome is GateOutcome.NEW
    assert "baseline nightly has no such run" in told.reason


def test_what_the_baseline_or_the_run_lacks_is_told() -> None:
    lacking = make_entry(metrics={"arena_used_bytes": None})
    assert answer("arena.used:0", ENTRY, lacking).outcome is GateOutcome.NEW
    assert answer("arena.used:0", lacking).outcome is GateOutcome.ABSENT
    assert answer("latency.median:1ms", ENTRY).outcome is GateOutcome.ABSENT


def test_other_conditions_are_refused_with_the_key_and_how_to_accept_it() -> None:
    moved = make_entry(condition={"arena_placement": "dtcm"})
    told = answer("latency.median:0", moved)
    assert told.outcome is GateOutcome.INCOMPARABLE
    assert "arena_placement: sram -> dtcm" in told.reason
    assert "--hil-accept arena_placement" in told.reason
    accepted = Terms("nightly", accepted=frozenset({"arena_placement"}))
    assert answer("latency.median:0", moved, terms=accepted).outcome is GateOutcome.PASS


# ---- real boards

STEADY = hardware_entry([10_000] * 20)


def test_cycles_are_judged_by_their_samples() -> None:
    slow = hardware_entry([10_300 + i % 3 for i in range(20)])
    told = answer("latency.median:+2%", slow, STEADY)
    assert told.outcome is GateOutcome.FAIL
    assert told.interval is not None
    assert 200 < told.interval[0] <= told.interval[1] < 400
    assert "99% confidence" in told.reason
    assert "samples: 20 and 20" in told.reason


def test_sizes_are_exact_on_real_boards_too() -> None:
    metrics = STEADY.metrics.model_copy(update={"flash_bytes": 5001})
    grown = STEADY.model_copy(update={"metrics": metrics})
    assert answer("flash.total:0", grown, STEADY).outcome is GateOutcome.FAIL


def test_further_samples_are_asked_for_and_kept() -> None:
    unclear = hardware_entry([10_100, 10_300] * 10)
    more = BothLatencies(before=(10_000,) * 5, after=(10_300,) * 100)
    terms = Terms("nightly", more=lambda: more, budget=4)
    told = answer("latency.median:+2%", unclear, STEADY, terms)
    assert told.outcome is GateOutcome.FAIL
    assert told.repeats[0].after == more.after
    assert "measured 1 times more" in told.reason


def test_the_noise_floor_is_told() -> None:
    slow = hardware_entry([10_300] * 20)
    terms = Terms("nightly", floors={"latency.median": NoiseFloor(0.02, 7)})
    told = answer("latency.median:+2%", slow, STEADY, terms)
    assert told.outcome is GateOutcome.INCONCLUSIVE
    assert "noise floor 2.00% of 7 A/A pairs included" in told.reason


def test_a_handful_of_samples_says_nothing() -> None:
    told = answer("latency.median:+2%", hardware_entry([20_000] * 4), STEADY)
    assert told.outcome is GateOutcome.INCONCLUSIVE
