"""Noise: simulated as a real board's (limit +2 %, 20 samples a side, log-normal jitter of 1 % with
AR(1) of 0.3, 1 % outliers of +10 %).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hil.gate.noise import CONFIDENCE, NoiseFloor, change_of, decide, noise_floor
from hil.record import BothLatencies
from hil.vocab import GateOutcome

LIMIT = 0.02
COUNT = 20
JITTER, CORRELATION, OUTLIERS, OUTLIER = 0.01, 0.3, 0.01, 1.1
CYCLES = 1_000_000
BUDGET = 8
PAIRS = 2000
# Around the limit, and further apart than it.
UNDECIDED = (97, 98, 99, 100, 101, 102, 103), (99, 100, 101, 102, 103, 104, 105)


def both(before: Sequence[int], after: Sequence[int]) -> BothLatencies:
    return BothLatencies(before=tuple(before), after=tuple(after))


def jittered(generator: np.random.Generator, slowdown: float = 0.0) -> tuple[int, ...]:
    """COUNT latencies of a board whose median is CYCLES x (1 + slowdown)."""
    own = generator.normal(0, JITTER * np.sqrt(1 - CORRELATION**2), COUNT)
    jitter = np.empty(COUNT)
    jitter[0] = generator.normal(0, JITTER)
    for i in range(1, COUNT):
        jitter[i] = CORRELATION * jitter[i - 1] + own[i]
    latencies = CYCLES * (1 + slowdown) * np.exp(jitter)
    latencies[generator.random(COUNT) < OUTLIERS] *= OUTLIER
    return tuple(latencies.astype(int).tolist())


def outcomes(slowdown: float, limit: float, pairs: int, budget: int = BUDGET) -> list[GateOutcome]:
    found = []
    for seed in range(pairs):
        generator = np.random.default_rng([seed, int(slowdown * 1000)])

        def more(generator: np.random.Generator = generator) -> BothLatencies:
            return both(jittered(generator), jittered(generator, slowdown))

        found.append(decide(more(), limit, more=more, budget=budget).outcome)
    return found


def test_the_same_image_fails_in_at_most_1_percent_of_2000_pairs() -> None:
    assert outcomes(0.0, LIMIT, PAIRS).count(GateOutcome.FAIL) <= PAIRS * 0.01


def test_a_regression_of_3_percent_is_found_in_at_least_99_percent() -> None:
    pairs = 500
    assert outcomes(0.03, LIMIT, pairs).count(GateOutcome.FAIL) >= pairs * 0.99


def test_a_change_below_the_limit_hardly_ever_fails() -> None:
    pairs = 200
    assert outcomes(0.01, LIMIT, pairs).count(GateOutcome.FAIL) <= pairs * 0.01


def test_without_repeats_what_the_samples_do_not_tell_is_inconclusive() -> None:
    found = outcomes(0.02, LIMIT, 50, budget=0)
    assert found.count(GateOutcome.INCONCLUSIVE) >= 45


def test_at_limit_0_the_same_image_seldom_fails() -> None:
    """docs/nightly.md reports the rate that `python -m benchmarks gate` prints."""
    pairs = 300
    rate = outcomes(0.0, 0.0, pairs, budget=0).count(GateOutcome.FAIL) / pairs
    assert rate <= 3 * (1 - CONFIDENCE)


def test_samples_that_do_not_vary_give_an_exact_answer() -> None:
    assert decide(both((100,) * 9, (102,) * 9), LIMIT).outcome is GateOutcome.PASS
    assert decide(both((100,) * 9, (103,) * 9), LIMIT).outcome is GateOutcome.FAIL


def test_the_interval_holds_the_estimate() -> None:
    generator = np.random.default_rng(5)
    change = change_of(jittered(generator), jittered(generator, 0.05))
    assert change.low <= change.estimate <= change.high
    again = np.random.default_rng(5)
    assert change == change_of(jittered(again), jittered(again, 0.05))


def test_repeats_are_kept_raw_and_end_with_the_budget() -> None:
    taken = both(*UNDECIDED)
    decision = decide(taken, LIMIT, more=lambda: taken, budget=3)
    assert decision.outcome is GateOutcome.INCONCLUSIVE
    assert decision.repeats == (taken,) * 3
    assert len(decision.samples.after) == 4 * len(taken.after)


def test_who_has_no_more_samples_ends_it() -> None:
    taken = both(*UNDECIDED)
    assert decide(taken, LIMIT, more=lambda: None, budget=3).repeats == ()


def test_the_floor_widens_the_interval() -> None:
    samples = both((1000,) * 9, (1025,) * 9)
    assert decide(samples, LIMIT).outcome is GateOutcome.FAIL
    floor = NoiseFloor(0.01, 12)
    assert decide(samples, LIMIT, floor=floor).outcome is GateOutcome.INCONCLUSIVE


def test_the_floor_is_what_the_same_image_differs_by() -> None:
    found = noise_floor([[100, 101], [200, 200, 201]])
    assert found is not None
    assert found.change == pytest.approx(0.01)
    assert found.pairs == 3
    assert noise_floor([[100, 101], [200, 200]]) is None
    many = noise_floor([[100.0, 100.0]] * 95 + [[100.0, 150.0]] * 5)
    assert many == NoiseFloor(0.0, 100)
