"""Errors counted in bins whose ends are powers of two, from single steps to rough."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hil.comparison import HistogramBin

Integers = npt.NDArray[np.int64]

LAST_LSB_POWER = 4  # 16 LSB and more are one bin
LAST_ULP_POWER = 16


def lsb_histogram(differences: Integers) -> tuple[HistogramBin, ...]:
    """Signed differences in LSB: ..., -3 to -2, -1, 0, 1, 2 to 3, ..., 16 and more.

    Bins without elements are left out.
    """
    positive = _steps(LAST_LSB_POWER)
    negative = [(None if high is None else -high, -low) for low, high in reversed(positive)]
    return _count(differences, [*negative, (0, 0), *positive])


def ulp_histogram(distances: Integers) -> tuple[HistogramBin, ...]:
    """Distances in units in the last place: 0, 1, 2 to 3, 4 to 7, ..., 65,536 and more.

    Bins without elements are left out.
    """
    return _count(distances, [(0, 0), *_steps(LAST_ULP_POWER)])


def ulp_distances(
    found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    """How many float32 numbers each pair is apart; both zeros are one. Of finite values."""
    return np.asarray(np.abs(_ordinals(found) - _ordinals(expected)))


def _ordinals(values: npt.NDArray[np.float32]) -> Integers:
    """Integers in the order of the floats: magnitudes as they are, negative ones mirrored."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFF_FFFF), bits)


def _steps(last_power: int) -> list[tuple[int, int | None]]:
    steps: list[tuple[int, int | None]] = [
        (1 << power, (2 << power) - 1) for power in range(last_power)
    ]
    return [*steps, (1 << last_power, None)]


def _count(
    values: Integers, ranges: Iterable[tuple[int | None, int | None]]
) -> tuple[HistogramBin, ...]:
    bins = []
    for low, high in ranges:
        inside = np.ones(values.shape, bool)
        if low is not None:
            inside &= values >= low
        if high is not None:
            inside &= values <= high
        count = int(np.count_nonzero(inside))
        if count:
            bins.append(HistogramBin(low=low, high=high, count=count))
    return tuple(bins)
