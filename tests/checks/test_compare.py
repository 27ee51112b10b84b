from __future__ import annotations

import numpy as np
import pytest

from hil.checks.compare import compare


def test_equal_outputs() -> None:
    array = np.arange(12, dtype=np.int8).reshape(3, 4)
    result = compare([array], [array.copy()])
    assert result.is_equal
    assert result.elements == 12
    assert result.worst_vector is None


def test_a_single_difference_is_found_and_placed() -> None:
    expected = np.zeros((5, 4), np.int8)
    found = expected.copy()
    found[3, 1] = -7
    result = compare([found], [expected])
    assert (result.differing_elements, result.differing_vectors) == (1, 1)
    assert result.max_abs_error == 7
    assert result.worst_vector == 3


def test_int8_differences_do_not_wrap() -> None:
    result = compare([np.full((1, 1), 127, np.int8)], [np.full((1, 1), -128, np.int8)])
    assert result.max_abs_error == 255


def test_every_output_tensor_counts() -> None:
    same = np.zeros((2, 3), np.float32)
    other = same.copy()
    other[1, 2] = 0.5
    result = compare([same, other], [same, same])
    assert result.elements == 12
    assert result.worst_vector == 1


def test_nan_equals_nan_only() -> None:
    nan = np.full((1, 2), np.nan, np.float32)
    assert compare([nan], [nan]).is_equal
    assert compare([nan], [np.zeros((1, 2), np.float32)]).max_abs_error == np.inf


@pytest.mark.parametrize("other", [np.zeros((2, 4), np.int8), np.zeros((2, 3), np.uint8)])
def test_what_cannot_be_compared_is_not(other: np.ndarray) -> None:
    with pytest.raises(ValueError, match="is compared with"):
        compare([np.zeros((2, 3), np.int8)], [other])
