"""How often to measure, and what samples say."""

from __future__ import annotations

import numpy as np
import pytest

from hil.rounds import RoundPolicy, median_interval, summarize, unwrapped


def test_at_least_the_minimum_of_rounds_is_measured() -> None:
    policy = RoundPolicy(min_rounds=6)
    assert not policy.is_enough([100] * 5, 1000)
    assert policy.is_enough([100] * 6, 0)


def test_noise_asks_for_more_rounds_until_it_is_averaged_out() -> None:
    random = np.random.default_rng(0)
    noisy = [int(x) for x in random.normal(10_000, 500, 2000)]
    policy = RoundPolicy(precision=0.01)
    assert not policy.is_enough(noisy[:20], 0)
    assert policy.is_enough(noisy, 0)


def test_the_budget_ends_it() -> None:
    assert RoundPolicy(max_time_s=1).is_enough([1, 100, 1000, 5, 7, 9], 1.0)


def test_the_interval_of_the_median_needs_six_samples() -> None:
    assert median_interval([1, 2, 3, 4, 5], 0.95) is None
    assert median_interval([6, 1, 5, 2, 4, 3], 0.95) == (1, 6)  # 1 - 2/64 = 0.969


def test_the_interval_of_the_median_is_that_of_the_tables() -> None:
    """Ranks 6 and 15 of 20, 40 and 61 of 100: the usual tables of order statistics at 95 %."""
    assert median_interval(range(1, 21), 0.95) == (6, 15)
    assert median_interval(range(1, 101), 0.95) == (40, 61)


def test_the_approximation_goes_on_where_the_exact_interval_ends() -> None:
    exact, approximate = median_interval(range(1000), 0.95), median_interval(range(1001), 0.95)
    assert exact is not None
    assert approximate is not None
    assert abs(exact[0] - approximate[0]) <= 1
    assert abs(exact[1] - approximate[1]) <= 2


def test_the_interval_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(1000):
        interval = median_interval([int(x) for x in random.exponential(1e6, 25)], 0.95)
        assert interval is not None
        hits += interval[0] <= 1e6 * np.log(2) <= interval[1]
    assert 0.94 <= hits / 1000 <= 0.985  # 0.957 by the binomial


def test_summary() -> None:
    summary = summarize(range(1, 102))
    assert (summary.n, summary.minimum, summary.median) == (101, 1, 51)
    assert (summary.p90, summary.iqr) == (91, 50)
    assert summary.p99 is None
    assert summarize(range(1, 1001)).p99 == pytest.approx(990.01)


@pytest.mark.parametrize("turns", [0, 1, 2, 7])
@pytest.mark.parametrize("error", [-(1 << 30), -1, 0, 1, 1 << 30])
def test_the_counter_is_unwrapped_by_an_estimate(turns: int, error: int) -> None:
    cycles = 123_456_789 + (turns << 32)
    assert unwrapped(cycles % (1 << 32), cycles + error) == cycles
