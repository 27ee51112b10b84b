"""How often to measure, and what the samples say: rounds, as pytest-benchmark calls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from statistics import NormalDist, median

P99_MIN_SAMPLES = 1000
EXACT_MAX_SAMPLES = 1000
COUNTER_WRAP = 1 << 32


@dataclass(frozen=True)
class RoundPolicy:
    """When enough has been measured.

    At least `min_rounds`; then on until the interval of the median at `confidence` is no wider than
    `precision` of it to either side, or until `max_time_s` is spent.
    """

    min_rounds: int = 6
    precision: float = 0.01
    confidence: float = 0.95
    max_time_s: float = 10.0

    def is_enough(self, samples: Sequence[int], elapsed_s: float) -> bool:
        """Whether no further round is needed, or none may be spent."""
        if len(samples) < self.min_rounds:
            return False
        if elapsed_s >= self.max_time_s:
            return True
        interval = median_interval(samples, self.confidence)
        if interval is None:
            return False
        middle = median(samples)
        low, high = interval
        return max(middle - low, high - middle) <= self.precision * middle


DEFAULT_ROUNDS = RoundPolicy()


@dataclass(frozen=True)
class LatencySummary:
    """What n samples say, in their own unit. Percentiles are interpolated linearly; `p99` needs
    P99_MIN_SAMPLES, and is None below.
    """

    n: int
    minimum: int
    median: float
    p90: float
    p99: float | None
    iqr: float


def summarize(samples: Sequence[int]) -> LatencySummary:
    """Summary of at least one sample."""
    import numpy as np

    q1, middle, q3, p90, p99 = np.percentile(samples, [25, 50, 75, 90, 99])
    return LatencySummary(
        n=len(samples),
        minimum=min(samples),
        median=float(middle),
        p90=float(p90),
        p99=float(p99) if len(samples) >= P99_MIN_SAMPLES else None,
        iqr=float(q3 - q1),
    )


def median_interval(samples: Sequence[int], confidence: float) -> tuple[int, int] | None:
    """Interval that holds the median with at least `confidence`, by order statistics; None when
    there are too few samples for one.

    The count of samples below the median is binomial with p = 1/2 whatever their distribution
    (David and Nagaraja, Order Statistics, 3rd ed., 7.1).
    """
    n = len(samples)
    depth = _depth(n, confidence)
    if depth == 0:
        return None
    ordered = sorted(samples)
    return ordered[depth - 1], ordered[n - depth]


def _depth(n: int, confidence: float) -> int:
    """How many samples to leave out at either end: exactly, or by the normal approximation of the
    binomial where that is good to less than one of them.
    """
    if n > EXACT_MAX_SAMPLES:
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        return int(n / 2 - z * sqrt(n) / 2)
    allowed = Fraction(1 - confidence) / 2 * 2**n
    outside, depth, term = 0, 0, 1
    while outside + term <= allowed:
        outside += term
        term = term * (n - depth) // (depth + 1)
        depth += 1
    return depth


def unwrapped(counted: int, estimate: int) -> int:
    """The cycles whose value modulo 2^32 is `counted` that lie nearest to `estimate`.

    CYCCNT has 32 bits: at 216 MHz it comes around every 19.9 s, unseen by who reads it twice.
    """
    turns = round((estimate - counted) / COUNTER_WRAP)
    return counted + max(turns, 0) * COUNTER_WRAP
