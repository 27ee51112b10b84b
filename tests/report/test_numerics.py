from __future__ import annotations

import numpy as np

from hil.report.numerics import numerics_lines
from tests.outcomes import make_comparison, make_record


def text(found: np.ndarray, expected: np.ndarray) -> str:
    record = make_record(comparisons={"tflm": make_comparison(found, expected)})
    return "\n".join(numerics_lines(record))


def test_equal_outputs_are_one_line() -> None:
    zeros = np.zeros((2, 3), np.int8)
    assert text(zeros, zeros) == "host TFLM: all 6 output elements equal"


def test_integers_are_told_in_lsb_with_their_histogram() -> None:
    found = np.array([[0, -1, 2], [0, 0, 40]], np.int8)
    lines = text(found, np.zeros_like(found)).splitlines()
    assert lines[0] == (
        "host TFLM: 3 of 6 output elements differ, in 2 vectors; 3 by more than the bound"
    )
    assert "at most 40 LSB" in lines[1]
    assert lines[2].strip() == "LSB: -1: 1, 0: 3, 2..3: 1, >= 16: 1"
    assert lines[3].strip() == "worst vectors: 1 (40), 0 (2)"


def test_floats_are_told_in_ulp() -> None:
    found = np.array([[1.0, 2.0]], np.float32)
    shown = text(found, np.array([[1.0, 1.0]], np.float32))
    assert "ULP: 0: 1, >= 65536: 1" in shown
    assert "SQNR" in shown


def test_nan_is_told_as_such() -> None:
    nan = np.array([[np.nan, 0.0]], np.float32)
    assert "1 NaN or infinite on one side" in text(nan, np.zeros_like(nan))
