from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.checks.histogram import lsb_histogram, ulp_distances, ulp_histogram
from hil.comparison import HistogramBin


def bars(bins: tuple[HistogramBin, ...]) -> list[tuple[int | None, int | None, int]]:
    return [(bar.low, bar.high, bar.count) for bar in bins]


def test_lsb_bins_are_signed_and_their_ends_open() -> None:
    differences = np.array([-255, -16, -15, -8, -2, -1, 0, 0, 1, 3, 4, 7, 16, 99])
    assert bars(lsb_histogram(differences)) == [
        (None, -16, 2),
        (-15, -8, 2),
        (-3, -2, 1),
        (-1, -1, 1),
        (0, 0, 2),
        (1, 1, 1),
        (2, 3, 1),
        (4, 7, 2),
        (16, None, 2),
    ]


def test_ulp_bins_are_powers_of_two() -> None:
    distances = np.array([0, 1, 2, 3, 65_535, 65_536, 1 << 31])
    assert bars(ulp_histogram(distances)) == [
        (0, 0, 1),
        (1, 1, 1),
        (2, 3, 2),
        (32_768, 65_535, 1),
        (65_536, None, 2),
    ]


@given(st.lists(st.integers(-(1 << 40), 1 << 40)))
def test_every_difference_is_in_exactly_one_bin(values: list[int]) -> None:
    bins = lsb_histogram(np.array(values, np.int64))
    assert sum(bar.count for bar in bins) == len(values)
    assert all(bar.count for bar in bins)


@pytest.mark.parametrize(
    ("found", "expected", "distance"),
    [
        (1.0, 1.0, 0),
        (0.0, -0.0, 0),
        (1.0, float(np.nextafter(np.float32(1), np.float32(2))), 1),
        (1e-45, -1e-45, 2),  # the smallest numbers of either sign, and 0 between them
        (1.0, 2.0, 1 << 23),
    ],
)
def test_ulp_distance_counts_the_floats_in_between(
    found: float, expected: float, distance: int
) -> None:
    pair = (np.array([found], np.float32), np.array([expected], np.float32))
    assert ulp_distances(*pair).tolist() == [distance]
    assert ulp_distances(*reversed(pair)).tolist() == [distance]
