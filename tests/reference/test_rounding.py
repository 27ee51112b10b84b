"""The two rounding families of docs/numerics.md, in the interpreters themselves."""

from __future__ import annotations

from math import frexp

import numpy as np
import numpy.typing as npt
import pytest

from hil.model.flatbuffer import parse_model
from hil.reference.reference import ChildReference, ReferenceName
from tests.models import Model, Operator, Tensor, write

INPUT_SCALE, WEIGHT_SCALE, OUTPUT_SCALE = 0.05, 0.0123, 0.21
WEIGHTS = np.arange(1, 65, dtype=np.int8).reshape(64, 1)
INPUTS = np.arange(-128, 128, dtype=np.int8).reshape(256, 1, 1)

Sums = npt.NDArray[np.int64]


def products(name: ReferenceName) -> Sums:
    """Every input times every weight, as the interpreter brings it to the output's scale."""
    model = Model(
        [
            Tensor("INT8", (1, 1), scales=(INPUT_SCALE,), name="x"),
            Tensor("INT8", (64, 1), WEIGHTS, (WEIGHT_SCALE,)),
            Tensor("INT32", (64,), np.zeros(64, np.int32), (INPUT_SCALE * WEIGHT_SCALE,)),
            Tensor("INT8", (1, 64), scales=(OUTPUT_SCALE,), name="y"),
        ],
        [Operator("FULLY_CONNECTED", (0, 1, 2), (3,), 4)],
        (0,),
        (3,),
    )
    reference = ChildReference(name)
    output = reference.run(parse_model(write(model), "products"), [INPUTS]).outputs[0]
    reference.close()
    return output.reshape(256, 64).astype(np.int64)


def multiplier_and_shift() -> tuple[int, int]:
    """The scales' ratio as multiplier x 2**-31 x 2**-shift."""
    scales = [float(np.float32(s)) for s in (INPUT_SCALE, WEIGHT_SCALE, OUTPUT_SCALE)]
    fraction, exponent = frexp(scales[0] * scales[1] / scales[2])
    return round(fraction * 2**31), -exponent


def clipped(values: Sums) -> Sums:
    return np.asarray(np.clip(values, -128, 127))


def rounded_once() -> Sums:
    multiplier, shift = multiplier_and_shift()
    product = INPUTS.reshape(256, 1).astype(np.int64) * WEIGHTS.T * multiplier
    return clipped((product + (1 << (30 + shift))) >> (31 + shift))


def rounded_twice() -> Sums:
    multiplier, shift = multiplier_and_shift()
    product = INPUTS.reshape(256, 1).astype(np.int64) * WEIGHTS.T * multiplier
    nudge = np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    high = np.trunc((product + nudge) / 2**31).astype(np.int64)
    mask = (1 << shift) - 1
    threshold = (mask >> 1) + (high < 0)
    return clipped((high >> shift) + ((high & mask) > threshold))


def test_the_two_families_differ_by_1_lsb_and_rarely() -> None:
    difference = np.abs(rounded_once() - rounded_twice())
    assert difference.max() == 1
    assert np.count_nonzero(difference) == 22


def test_tflm_rounds_twice() -> None:
    pytest.importorskip("tflite_micro")
    assert np.array_equal(products(ReferenceName.TFLM), rounded_twice())


def test_litert_reference_kernels_round_once() -> None:
    assert np.array_equal(products(ReferenceName.LITERT_REF), rounded_once())


@pytest.mark.parametrize("name", [ReferenceName.LITERT, ReferenceName.LITERT_OPT])
def test_litert_other_kernels_are_no_more_than_1_lsb_away(name: ReferenceName) -> None:
    assert np.abs(products(name) - rounded_once()).max() == 1
