"""What samples with noise say about a change: intervals, and the floor that A/A runs give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING

from hil.record import BothLatencies
from hil.vocab import GateOutcome

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CONFIDENCE = 0.99
RESAMPLES = 2000
# So that the same samples always give the same answer.
SEED = 20260101
MIN_SAMPLES = 5
MIN_PAIRS = 3
FLOOR_QUANTILE = 0.95
# What the last digits of a ratio may be off by.
ROUNDING = 1e-12
# Statistic of a latency -> the quantile that it is.
QUANTILES = {"min": 0.0, "median": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True)
class Change:
    """A relative change of a statistic, after / before - 1, and the interval that holds it with
    CONFIDENCE.
    """

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class NoiseFloor:
    """By how much the same image differs from run to run: FLOOR_QUANTILE of the relative changes
    between `pairs` A/A runs. An interval within one run cannot know of it.
    """

    change: float
    pairs: int


@dataclass(frozen=True)
class Decision:
    """What the samples say, how often more were taken for it, and all of them."""

    outcome: GateOutcome
    change: Change
    repeats: tuple[BothLatencies, ...]
    samples: BothLatencies


More = Callable[[], BothLatencies | None]


def change_of(before: Sequence[int], after: Sequence[int], quantile: float = 0.5) -> Change:
    """The change of a quantile from `before` to `after`, with a bootstrap interval.

    Resamples are made of blocks of ceil(n^(1/3)) neighbours, around the end: samples that follow
    each other resemble each other (circular block bootstrap: Politis and Romano, in Exploring the
    Limits of Bootstrap, 1992; the length: Hall, Horowitz and Jing, Biometrika 82, 1995).
    """
    import numpy as np

    generator = np.random.default_rng(SEED)
    old, new = np.asarray(before, np.float64), np.asarray(after, np.float64)
    ratios = _resampled(new, quantile, generator) / _resampled(old, quantile, generator)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail])
    estimate = np.quantile(new, quantile) / np.quantile(old, quantile)
    return Change(float(estimate - 1), float(low - 1), float(high - 1))


def _resampled(
    samples: npt.NDArray[np.float64], quantile: float, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """The quantile of each of RESAMPLES resamples."""
    import numpy as np

    n = len(samples)
    length = min(n, ceil(n ** (1 / 3)))
    blocks = ceil(n / length)
    starts = generator.integers(0, n, (RESAMPLES, blocks, 1))
    chosen = (starts + np.arange(length)).reshape(RESAMPLES, -1)[:, :n] % n
    return np.asarray(np.quantile(samples[chosen], quantile, axis=1))


def decide(
    samples: BothLatencies,
    limit: float,
    *,
    quantile: float = 0.5,
    floor: NoiseFloor | None = None,
    more: More | None = None,
    budget: int = 0,
) -> Decision:
    """Whether a statistic grew by more than `limit` (relative), which may be below 0.

    FAIL when the whole interval, widened by the noise floor, lies above it, PASS when none of it
    does; in between `more` is asked for further samples, up to `budget` times, and then it is
    INCONCLUSIVE.
    """
    margin = floor.change if floor is not None else 0.0
    repeats: list[BothLatencies] = []
    while True:
        change = change_of(samples.before, samples.after, quantile)
        widened = Change(change.estimate, change.low - margin, change.high + margin)
        if widened.low > limit + ROUNDING:
            outcome = GateOutcome.FAIL
        elif widened.high <= limit + ROUNDING:
            outcome = GateOutcome.PASS
        else:
            outcome = GateOutcome.INCONCLUSIVE
        if outcome is not GateOutcome.INCONCLUSIVE or len(repeats) == budget or more is None:
            return Decision(outcome, widened, tuple(repeats), samples)
        further = more()
        if further is None:
            return Decision(outcome, widened, tuple(repeats), samples)
        repeats.append(further)
        samples += further


def noise_floor(groups: Iterable[Sequence[float]]) -> NoiseFloor | None:
    """The floor of a statistic from A/A runs; None for fewer than MIN_PAIRS pairs.

    Each group holds its values over runs of one and the same image, in order; pairs are neighbours.
    """
    changes = sorted(
        abs(after / before - 1) for group in groups for before, after in pairwise(group)
    )
    if len(changes) < MIN_PAIRS:
        return None
    # The smallest change that FLOOR_QUANTILE of all do not exceed: of a few, the largest.
    place = ceil(FLOOR_QUANTILE * len(changes)) - 1
    return NoiseFloor(changes[place], len(changes))
