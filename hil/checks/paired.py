"""Whether two models differ in accuracy, when both saw the same vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
BOOTSTRAP_REPLICATES = 2000
BOOTSTRAP_SEED = 20

Parts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class PairedCounts:
    """How many vectors both models had right, only one of them, or neither."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @classmethod
    def of(cls, first: Sequence[float], second: Sequence[float]) -> PairedCounts:
        """Counts of two rows of 0 and 1. Raises ValueError when they are not equally long."""
        if len(first) != len(second):
            raise ValueError(f"{len(first)} vectors are paired with {len(second)}")
        pairs = [(bool(a), bool(b)) for a, b in zip(first, second, strict=True)]
        return cls(
            both=pairs.count((True, True)),
            only_first=pairs.count((True, False)),
            only_second=pairs.count((False, True)),
            neither=pairs.count((False, False)),
        )

    @property
    def total(self) -> int:
        """Number of vectors."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def difference(self) -> float:
        """First accuracy minus second, -1 to 1."""
        return (self.only_first - self.only_second) / self.total


def newcombe_interval(counts: PairedCounts, confidence: float = CONFIDENCE) -> Interval:
    """Interval of the difference of two paired proportions, first minus second.

    Newcombe, Improved confidence intervals for the difference between binomial proportions based on
    paired data, Statistics in Medicine 17 (1998) 2635-2650, method 10: Wilson's interval of each
    proportion, joined with their correlation. It behaves for few and for no discordant pairs.
    """
    n, difference = counts.total, counts.difference
    first = counts.both + counts.only_first
    second = counts.both + counts.only_second
    p1, p2 = first / n, second / n
    wilson1, wilson2 = wilson_interval(first, n, confidence), wilson_interval(second, n, confidence)
    phi = _correlation(counts, first, second)
    down1, up1 = p1 - wilson1.low, wilson1.high - p1
    down2, up2 = p2 - wilson2.low, wilson2.high - p2
    below = down1**2 - 2 * phi * down1 * up2 + up2**2
    above = up1**2 - 2 * phi * up1 * down2 + down2**2
    # Both are sums of squares in exact arithmetic.
    return Interval(difference - sqrt(max(0.0, below)), difference + sqrt(max(0.0, above)))


def _correlation(counts: PairedCounts, first: int, second: int) -> float:
    """Newcombe's phi: with a continuity correction where positive, 0 where undefined."""
    n = counts.total
    product = first * (n - first) * second * (n - second)
    if product == 0:
        return 0.0
    excess: float = counts.both * counts.neither - counts.only_first * counts.only_second
    if excess > 0:
        excess = max(0.0, excess - n / 2)
    return excess / sqrt(product)


def wilson_interval(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = successes / n
    middle = p + z**2 / (2 * n)
    half = z * sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    width = 1 + z**2 / n
    return Interval(max(0.0, (middle - half) / width), min(1.0, (middle + half) / width))


def mcnemar_mid_p(counts: PairedCounts) -> float:
    """Two-sided mid-p value of McNemar's test that both are right equally often.

    The binomial test of the discordant pairs, with half the probability of what was observed:
    Fagerland, Lydersen, Laake, The McNemar test for binary matched-pairs data: mid-p and asymptotic
    are better than exact conditional, BMC Medical Research Methodology 13 (2013) 91.
    """
    discordant = counts.only_first + counts.only_second
    fewer = min(counts.only_first, counts.only_second)
    if discordant == 0:
        return 1.0
    observed = _coin_chance(fewer, discordant)
    if 2 * fewer == discordant:
        return 1.0 - observed / 2
    return 2 * sum(_coin_chance(k, discordant) for k in range(fewer + 1)) - observed


def _coin_chance(heads: int, tosses: int) -> float:
    """Chance of so many heads; by logarithms, for 2**tosses may not fit into a float."""
    ways = lgamma(tosses + 1) - lgamma(heads + 1) - lgamma(tosses - heads + 1)
    return exp(ways - tosses * log(2))


def bootstrap_interval(
    statistic: Callable[[npt.NDArray[np.int64]], float | None],
    n: int,
    confidence: float = CONFIDENCE,
) -> Interval | None:
    """Percentile interval of a statistic of resampled vectors (Efron, Tibshirani, An Introduction
    to the Bootstrap, 1993, chapter 13): `statistic` gets the indices of one sample.

    The samples are the same in every call. A sample without a value (None) is left out; None when
    none has one.
    """
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    samples = (generator.integers(n, size=n) for _ in range(BOOTSTRAP_REPLICATES))
    values = [value for value in map(statistic, samples) if value is not None]
    if not values:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))
