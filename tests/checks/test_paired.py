from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.checks.paired import (
    Interval,
    PairedCounts,
    bootstrap_interval,
    mcnemar_mid_p,
    newcombe_interval,
)

# Armitage and Berry, Statistical Methods in Medical Research (1994), p. 127: 50 specimens on two
# media. StatsDirect's reference manual, "Paired proportions", computes from it: P (two sided)
# 0.0129, mid-P 0.0074, Newcombe's score based interval 0.056156 to 0.329207.
MEDIA = PairedCounts(both=20, only_first=12, only_second=2, neither=16)

COUNTS = st.builds(
    PairedCounts,
    *(st.integers(0, 60) for _ in range(4)),
).filter(lambda counts: counts.total > 0)


def test_the_interval_is_that_of_a_published_example() -> None:
    interval = newcombe_interval(MEDIA)
    assert interval.low == pytest.approx(0.056156, abs=5e-7)
    assert interval.high == pytest.approx(0.329207, abs=5e-7)


def test_the_p_value_is_that_of_a_published_example() -> None:
    assert mcnemar_mid_p(MEDIA) == pytest.approx(0.0074, abs=5e-5)


def test_pairs_are_counted() -> None:
    counts = PairedCounts.of([1, 1, 0, 0, 1.0], [1, 0, 1, 0, 1.0])
    assert counts == PairedCounts(both=2, only_first=1, only_second=1, neither=1)
    assert counts.difference == 0
    with pytest.raises(ValueError, match="3 vectors are paired with 2"):
        PairedCounts.of([1, 1, 1], [1, 1])


@given(COUNTS)
def test_the_interval_holds_the_estimate_and_turns_with_the_sides(counts: PairedCounts) -> None:
    interval = newcombe_interval(counts)
    assert interval.low <= counts.difference <= interval.high
    assert -1 - 1e-9 <= interval.low <= interval.high <= 1 + 1e-9
    turned = newcombe_interval(
        PairedCounts(counts.both, counts.only_second, counts.only_first, counts.neither)
    )
    assert (turned.low, turned.high) == pytest.approx((-interval.high, -interval.low))


def test_no_discordant_pair_still_has_an_interval_around_0() -> None:
    interval = newcombe_interval(PairedCounts(100, 0, 0, 0))
    assert interval.low < 0 < interval.high
    assert 0.0 in interval


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_p_value_is_the_binomial_sum(b: int, c: int) -> None:
    n = b + c
    chance = [Fraction(comb(n, k), 2**n) for k in range(n + 1)]
    # Half of the observed outcome, and of its mirror image, counts.
    beyond = [k for k in range(n + 1) if abs(2 * k - n) > abs(b - c)]
    as_far = [k for k in range(n + 1) if abs(2 * k - n) == abs(b - c)]
    expected = sum(chance[k] for k in beyond) + sum(chance[k] for k in as_far) / 2
    if b == c:
        expected = 1 - chance[b] / 2 if n else Fraction(1)
    assert mcnemar_mid_p(PairedCounts(5, b, c, 5)) == pytest.approx(float(expected))


def test_many_discordant_pairs_do_not_overflow() -> None:
    assert 0 < mcnemar_mid_p(PairedCounts(0, 5_100, 4_900, 0)) < 0.05


@pytest.mark.parametrize(
    ("n", "chances"),
    [
        (60, (0.80, 0.06, 0.04, 0.10)),
        (200, (0.90, 0.02, 0.01, 0.07)),  # few discordant pairs, as between two schemes
        (749, (0.83, 0.02, 0.02, 0.13)),
    ],
)
def test_95_percent_intervals_hold_the_truth_in_about_95_percent(
    n: int, chances: tuple[float, ...]
) -> None:
    generator = np.random.default_rng(95)
    truth = chances[1] - chances[2]
    tables = generator.multinomial(n, chances, size=4000)
    held = np.mean([truth in newcombe_interval(PairedCounts(*map(int, row))) for row in tables])
    assert 0.94 <= held <= 0.985


def test_the_bootstrap_of_a_mean_is_close_to_its_standard_error() -> None:
    values = np.random.default_rng(1).normal(size=400)
    interval = bootstrap_interval(lambda chosen: float(values[chosen].mean()), 400)
    assert interval is not None
    error = float(values.std()) / 20
    assert interval.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert interval.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_the_bootstrap_gives_the_same_every_time() -> None:
    values = np.random.default_rng(2).normal(size=50)
    intervals = {
        bootstrap_interval(lambda chosen: float(values[chosen].mean()), 50) for _ in range(2)
    }
    assert len(intervals) == 1


def test_resamples_without_a_value_are_left_out() -> None:
    assert bootstrap_interval(lambda _: None, 10) is None
    only = bootstrap_interval(lambda chosen: 1.0 if chosen[0] > 4 else None, 10)
    assert only == Interval(1.0, 1.0)
