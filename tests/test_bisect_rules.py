"""What counts as a divergence, on traces made by hand: floats, integers computed from floats, and
whether an operator was given what was made for it.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence

import numpy as np
import pytest

from hil import bisect
from hil.bisect import Divergence, describe
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.trace import InferenceTrace, OperatorTrace
from tests.models import Model, Operator, Tensor, two_in_two_out, write

X = np.array([[0.5, -1.0, 2.0, 1.0]], np.float32)


def relu_then(name: str, output: Tensor, **settings: object) -> ModelInfo:
    """Float32 RELU, then an operator that makes integers of it."""
    tensors = [Tensor("FLOAT32", (1, 4), name="x"), Tensor("FLOAT32", (1, 4), name="relu"), output]
    inputs: tuple[int, ...] = (1,)
    if name == "ARG_MAX":
        tensors.append(Tensor("INT32", (1,), np.array([1], np.int32), name="axis"))
        inputs = (1, 3)
    operators = [Operator("RELU", (0,), (1,)), Operator(name, inputs, (2,), settings=settings)]
    return parse_model(write(Model(tensors, operators, (0,), (2,))), "mixed")


def quantized() -> ModelInfo:
    return relu_then("QUANTIZE", Tensor("INT8", (1, 4), scales=(0.01,), zero_points=(0,), name="q"))


def traced(index: int, inputs: Sequence[bytes], *outputs: bytes) -> OperatorTrace:
    crc = 0
    for data in inputs:
        crc = binascii.crc32(data, crc)
    out = binascii.crc32(b"".join(outputs))
    return OperatorTrace(index, 10, crc, out, sum(map(len, outputs)), tuple(outputs))


def diverges(
    model: ModelInfo, ours: Sequence[OperatorTrace], theirs: Sequence[OperatorTrace]
) -> Divergence | None:
    return bisect._first_float_divergence(
        model,
        [X.tobytes()] * len(model.inputs),
        InferenceTrace(tuple(ours), 20, 1),
        InferenceTrace(tuple(theirs), 20, 1),
    )


def test_float_noise_before_a_quantization_may_move_it_by_one() -> None:
    relu = np.maximum(X, 0)
    noisy = relu * np.float32(1 + 3e-7)
    q = np.array([50, 0, 127, 100], np.int8)
    ours = [
        traced(0, [X.tobytes()], noisy.tobytes()),
        traced(1, [noisy.tobytes()], np.array([51, 0, 127, 99], np.int8).tobytes()),
    ]
    theirs = [
        traced(0, [X.tobytes()], relu.tobytes()),
        traced(1, [relu.tobytes()], q.tobytes()),
    ]
    assert diverges(quantized(), ours, theirs) is None


def test_a_quantization_of_equal_inputs_must_be_equal() -> None:
    relu = np.maximum(X, 0)
    q = np.array([50, 0, 127, 100], np.int8)
    wrong = np.array([51, 0, 127, 100], np.int8)
    first = traced(0, [X.tobytes()], relu.tobytes())
    ours = [first, traced(1, [relu.tobytes()], wrong.tobytes())]
    theirs = [first, traced(1, [relu.tobytes()], q.tobytes())]
    found = diverges(quantized(), ours, theirs)
    assert found is not None
    assert (found.operator, found.name, found.max_abs_error) == (1, "QUANTIZE", 1)


def test_a_quantization_that_is_off_by_more_than_noise_is_named() -> None:
    relu = np.maximum(X, 0)
    noisy = relu * np.float32(1 + 3e-7)
    q = np.array([50, 0, 127, 100], np.int8)
    wrong = np.array([55, 0, 127, 100], np.int8)
    ours = [
        traced(0, [X.tobytes()], noisy.tobytes()),
        traced(1, [noisy.tobytes()], wrong.tobytes()),
    ]
    theirs = [
        traced(0, [X.tobytes()], relu.tobytes()),
        traced(1, [relu.tobytes()], q.tobytes()),
    ]
    found = diverges(quantized(), ours, theirs)
    assert found is not None
    assert found.name == "QUANTIZE"


def test_an_index_computed_from_float_noise_is_never_named() -> None:
    model = relu_then("ARG_MAX", Tensor("INT32", (1,), name="index"), outputType=2)
    relu = np.maximum(X, 0)
    noisy = relu * np.float32(1 + 3e-7)
    ours = [
        traced(0, [X.tobytes()], noisy.tobytes()),
        traced(1, [noisy.tobytes()], np.array([3], np.int32).tobytes()),
    ]
    theirs = [
        traced(0, [X.tobytes()], relu.tobytes()),
        traced(1, [relu.tobytes()], np.array([2], np.int32).tobytes()),
    ]
    assert diverges(model, ours, theirs) is None


@pytest.mark.parametrize("is_overwritten", [False, True])
def test_it_tells_whether_the_operator_was_given_what_was_made(is_overwritten: bool) -> None:
    relu = np.maximum(X, 0)
    given = relu * 0 if is_overwritten else relu
    wrong = np.array([9, 9, 9, 9], np.int8)
    q = np.array([50, 0, 127, 100], np.int8)
    first = traced(0, [X.tobytes()], relu.tobytes())
    ours = [first, traced(1, [given.tobytes()], wrong.tobytes())]
    theirs = [first, traced(1, [relu.tobytes()], q.tobytes())]
    model = quantized()
    found = diverges(model, ours, theirs)
    assert found is not None
    assert found.inputs_equal != is_overwritten
    assert ("overlapping memory" in describe(found, model)) == is_overwritten


def test_several_inputs_and_outputs_are_kept_apart() -> None:
    model = parse_model(two_in_two_out(), "two")
    both = [X.tobytes(), X.tobytes()]
    total, most = (X + X).tobytes(), X.tobytes()
    right = [traced(0, both, total), traced(1, both, most)]
    assert diverges(model, right, right) is None
    wrong = [right[0], traced(1, both, (X + 1).tobytes())]
    found = diverges(model, wrong, right)
    assert found is not None
    assert (found.operator, found.name, found.inputs_equal) == (1, "MAXIMUM", True)
