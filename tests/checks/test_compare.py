from __future__ import annotations

import json
from math import log10

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.checks.bounds import Bound
from hil.checks.compare import compare
from hil.comparison import TensorComparison
from hil.data import Array
from hil.model.flatbuffer import parse_model
from tests import models

# One output with scale 0.25 and zero point 0.
OUTPUT = parse_model(models.dense_int8(), "m").output_tensors


def int8(*rows: list[int]) -> Array:
    return np.array(rows, np.int8)


def float32(*rows: list[float]) -> Array:
    return np.array(rows, np.float32)


def tensor(found: Array, expected: Array, bound: Bound | None = None) -> TensorComparison:
    bounds = None if bound is None else [bound]
    infos = OUTPUT if found.dtype == np.int8 else None
    (only,) = compare([found], [expected], infos, bounds).tensors
    return only


def test_equal_outputs() -> None:
    array = np.arange(12, dtype=np.int8).reshape(3, 4)
    result = compare([array], [array.copy()])
    assert result.is_equal
    assert result.elements == 12
    assert result.max_abs_error == 0
    assert result.worst_vector is None
    assert result.tensors[0].worst == ()
    assert result.tensors[0].absent["sqnr_db"] == "the outputs are equal"


def test_a_single_difference_is_found_and_placed() -> None:
    expected = np.zeros((5, 4), np.int8)
    found = expected.copy()
    found[3, 1] = -7
    result = compare([found], [expected])
    assert (result.differing_elements, result.differing_vectors) == (1, 1)
    assert result.max_abs_error == 7
    assert result.worst_vector == 3
    (worst,) = result.tensors[0].worst
    assert (worst.index, worst.element, worst.found, worst.expected) == (3, 1, -7, 0)


def test_int8_differences_do_not_wrap() -> None:
    result = compare([np.full((1, 1), 127, np.int8)], [np.full((1, 1), -128, np.int8)])
    assert result.max_abs_error == 255


def test_integer_errors_are_in_lsb_and_in_real_units() -> None:
    result = tensor(int8([4, 0, 0], [0, 0, 0]), int8([0, 0, 0], [0, 2, 0]))
    assert (result.max_error_lsb, result.mean_error_lsb) == (4, 1.0)
    assert (result.max_error_real, result.mean_error_real) == (1.0, 0.25)
    assert result.max_ulp is None
    assert result.absent["max_ulp"] == "the output is int8, not float32"


def test_without_a_scale_there_are_no_real_units() -> None:
    result = compare([int8([1])], [int8([0])]).tensors[0]
    assert result.max_error_lsb == 1
    assert result.max_error_real is None
    assert result.absent["max_error_real"] == "the output has no scale"


def test_sqnr_is_power_of_the_signal_over_power_of_the_error() -> None:
    result = tensor(float32([3.0, 4.5]), float32([3.0, 4.0]))
    assert result.sqnr_db == pytest.approx(10 * log10(25 / 0.25))


def test_sqnr_and_cosine_know_the_zero_point() -> None:
    info = [parse_model(models.dense_int8(), "m").output_tensors[0]]
    shifted = [type(info[0])(**{**vars(info[0]), "zero_points": (-128,)})]
    result = compare([int8([-128, 0])], [int8([-128, -1])], shifted).tensors[0]
    assert result.sqnr_db == pytest.approx(10 * log10(127**2 / 1))
    assert result.cosine_similarity == pytest.approx(1.0)


def test_cosine_of_opposite_outputs_is_minus_one_and_of_zeros_absent() -> None:
    assert tensor(float32([1.0, 2.0]), float32([-1.0, -2.0])).cosine_similarity == pytest.approx(-1)
    zero = tensor(float32([0.0, 0.0]), float32([1.0, 0.0]))
    assert zero.cosine_similarity is None
    assert "0 everywhere" in zero.absent["cosine_similarity"]


def test_flips_are_vectors_whose_first_highest_element_is_another() -> None:
    found = int8([5, 1, 0], [1, 1, 0], [0, 0, 9])
    expected = int8([4, 1, 0], [0, 1, 0], [9, 0, 9])
    assert tensor(found, expected).argmax_flips == 2


def test_a_single_output_cannot_flip() -> None:
    result = tensor(float32([1.0]), float32([2.0]))
    assert result.argmax_flips is None
    assert "argmax_flips" in result.absent


def test_at_most_five_worst_vectors_largest_first() -> None:
    found = np.array([[0], [3], [1], [7], [2], [4], [5]], np.int8)
    worst = compare([found], [np.zeros_like(found)]).tensors[0].worst
    assert [(w.index, w.max_abs_error) for w in worst] == [(3, 7), (6, 5), (5, 4), (1, 3), (4, 2)]


def test_relative_error_and_ulp_of_floats() -> None:
    one = np.float32(1.0)
    result = tensor(float32([float(np.nextafter(one, np.float32(2))), 0.0]), float32([1.0, 0.0]))
    assert result.max_ulp == 1
    assert result.max_relative_error == pytest.approx(2.0**-23)
    assert [(b.low, b.high, b.count) for b in result.histogram] == [(0, 0, 1), (1, 1, 1)]


def test_relative_error_to_zeros_is_absent() -> None:
    result = tensor(float32([1e-3, 0.0]), float32([0.0, 0.0]))
    assert result.max_relative_error is None
    assert result.absent["max_relative_error"] == "the reference is 0 everywhere"


def test_the_bound_grows_with_the_largest_output_of_the_vector() -> None:
    found = float32([100.0005, 0.0005], [1.0005, 0.0])
    expected = float32([100.0, 0.0], [1.0, 0.0])
    found, expected = (
        np.concatenate([side, np.zeros((3, 2), np.float32)]) for side in (found, expected)
    )
    assert tensor(found, expected, Bound(1e-6, 1e-5)).beyond_bound_elements == 1
    assert tensor(found, expected, Bound(1e-3, 1e-5)).beyond_bound_elements == 0


def test_an_output_near_0_by_chance_has_the_bound_of_the_median_vector() -> None:
    expected = np.array([[1e-4], [10.0], [-12.0], [14.0]], np.float32)
    found = expected + np.array([[9e-5], [0], [0], [0]], np.float32)
    assert tensor(found, expected, Bound(1e-6, 1e-5)).beyond_bound_elements == 0
    assert tensor(found, expected, Bound(1e-6, 8e-6)).beyond_bound_elements == 1


def test_without_a_bound_every_difference_is_beyond_it() -> None:
    assert tensor(int8([1, 0, 1]), int8([0, 0, 0])).beyond_bound_elements == 2


def test_every_output_tensor_counts() -> None:
    same = np.zeros((2, 3), np.float32)
    other = same.copy()
    other[1, 2] = 0.5
    result = compare([same, other], [same, same])
    assert result.elements == 12
    assert result.worst_vector == 1
    assert [t.differing_elements for t in result.tensors] == [0, 1]


def test_vectors_that_differ_in_several_tensors_count_once() -> None:
    zero = int8([0], [0], [0])
    result = compare([int8([1], [1], [0]), int8([0], [1], [0])], [zero, zero])
    assert result.differing_vectors == 2
    assert result.differing_elements == 3


def test_nan_equals_nan_only() -> None:
    nan = np.full((1, 2), np.nan, np.float32)
    assert compare([nan], [nan]).is_equal
    result = compare([nan], [np.zeros((1, 2), np.float32)])
    assert result.max_abs_error is None
    assert result.tensors[0].non_finite_elements == 2
    assert result.beyond_bound_elements == 2
    assert result.worst_vector == 0


def test_infinities_of_one_sign_are_equal() -> None:
    infinite = float32([np.inf, 1.0])
    assert compare([infinite], [infinite]).is_equal
    assert tensor(infinite, float32([-np.inf, 1.0])).non_finite_elements == 1


@pytest.mark.parametrize("other", [np.zeros((2, 4), np.int8), np.zeros((2, 3), np.uint8)])
def test_what_cannot_be_compared_is_not(other: np.ndarray) -> None:
    with pytest.raises(ValueError, match="is compared with"):
        compare([np.zeros((2, 3), np.int8)], [other])


ANY_FLOATS = st.lists(st.tuples(st.floats(width=32), st.floats(width=32)), min_size=1, max_size=8)


@given(ANY_FLOATS)
def test_whatever_the_outputs_json_gets_only_numbers(pairs: list[tuple[float, float]]) -> None:
    found, expected = (np.array([side], np.float32) for side in zip(*pairs, strict=True))
    result = compare([found], [expected])
    json.dumps(result.model_dump(mode="json"), allow_nan=False)
    (only,) = result.tensors
    counted = sum(bar.count for bar in only.histogram)
    assert counted == np.count_nonzero(np.isfinite(found) & np.isfinite(expected))
    for name in ("sqnr_db", "cosine_similarity", "max_relative_error", "argmax_flips"):
        assert (getattr(only, name) is None) == (name in only.absent), name
    assert only.differing_elements >= only.non_finite_elements
