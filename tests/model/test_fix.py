"""Each change that `hil model fix` makes: applied, equal in LiteRT, and run where it did not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from hil.data import random_vectors
from hil.errors import ConfigError, ModelError
from hil.firmware.build import Builder
from hil.model.fix import fix_model
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.model.preflight import Limits, find_problems
from hil.model.problem import problem_texts
from hil.reference.reference import ReferenceName
from tests import models
from tests.model.data import stored
from tests.model.judges import are_equal, on_board, on_host
from tests.models import Model, Operator, Tensor

VECTORS = 5


def floats(*shape: int, name: str = "tensor") -> Tensor:
    return Tensor("FLOAT32", shape, name=name)


def int32(*values: int) -> Tensor:
    return Tensor("INT32", (len(values),), np.array(values, np.int32))


def made(
    tensors: list[Tensor], operators: list[Operator], inputs: tuple[int, ...], *outputs: int
) -> ModelInfo:
    return parse_model(models.write(Model(tensors, operators, inputs, outputs)), "made")


def wanted_and_found(before: ModelInfo, after: ModelInfo) -> tuple[Any, Any]:
    inputs = random_vectors(before, VECTORS, 0).inputs
    return on_host(before, inputs), on_host(after, inputs)


def split_with_unused_output(name: str, inputs: tuple[int, ...], **settings: int) -> ModelInfo:
    """Two thirds of a 1x6x2 input, along its second dimension."""
    return made(
        [floats(1, 6, 2, name="x"), int32(1), int32(2, 2, 2), *(floats(1, 2, 2) for _ in range(4))],
        [Operator(name, inputs, (3, 4, 5), 1, settings), Operator("ADD", (3, 5), (6,))],
        (0,),
        6,
    )


FIXABLE: Mapping[str, tuple[ModelInfo, str]] = {
    "free batch": (stored("flat_free_float"), "SHAPE, STRIDED_SLICE, PACK"),
    "free batch, -1 in the shape": (stored("reshape_free_float"), "fixed to 1"),
    "unrolled LSTM": (stored("lstm_unrolled_float"), "only 3 of its outputs are read"),
    "unrolled LSTM, free batch": (stored("lstm_free_unrolled_float"), "TRANSPOSE made a RESHAPE"),
    "unrolled GRU": (stored("gru_unrolled_impl2_float"), "only 2 of its outputs are read"),
    "dense on a sequence": (stored("k_dense3d_int8"), "put between two RESHAPEs"),
    "depthwise activation": (stored("dwcat_own"), "RELU that DEPTHWISE_CONV_2D had fused"),
    "two signatures": (stored("two_signatures"), "signatures 'mul'"),
    "SPLIT": (split_with_unused_output("SPLIT", (1, 0), numSplits=3), "made 2 STRIDED_SLICE"),
    "SPLIT_V": (split_with_unused_output("SPLIT_V", (0, 2, 1), numSplits=3), "SPLIT_V into 3"),
    "UNPACK": (
        made(
            [floats(1, 3, 2, name="x"), *(floats(1, 2) for _ in range(4))],
            [
                Operator("UNPACK", (0,), (1, 2, 3), 1, {"num": 3, "axis": 1}),
                Operator("ADD", (1, 3), (4,)),
            ],
            (0,),
            4,
        ),
        "only 2 of its outputs are read",
    ),
    "SQUEEZE, EXPAND_DIMS": (
        made(
            [floats(1, 4, name="x"), int32(1), floats(1, 1, 4), floats(1, 4)],
            [
                Operator("EXPAND_DIMS", (0, 1), (2,)),
                Operator("SQUEEZE", (2,), (3,), 1, {"squeezeDims": [1]}),
            ],
            (0,),
            3,
        ),
        "EXPAND_DIMS made a RESHAPE",
    ),
    "dead operators": (
        made(
            [floats(1, 4, name="x"), *(floats(1, 4) for _ in range(3))],
            [
                Operator("ABS", (0,), (1,)),
                Operator("RELU", (1,), (2,)),
                Operator("ADD", (0, 0), (3,)),
            ],
            (0,),
            3,
        ),
        "2 operators whose results nothing reads removed: RELU, ABS",
    ),
    "an orphan": (
        made(
            [floats(1, 4, name="x"), floats(1, 4), floats(0, name="orphan")],
            [Operator("ABS", (0,), (1,))],
            (0,),
            1,
        ),
        "tensor 2 'orphan' removed",
    ),
    "operator code": (
        made(
            [floats(1, 4, name="x"), floats(1, 4)],
            [Operator("RELU", (0,), (1,), legacy_code=0)],
            (0,),
            1,
        ),
        "1 operator code written into the older field",
    ),
}


@pytest.mark.parametrize("name", FIXABLE)
def test_what_did_not_pass_does_and_gives_the_same(name: str, limits: Limits) -> None:
    model, did = FIXABLE[name]
    assert find_problems(model, limits)
    fixed = fix_model(model, limits)
    assert any(did in text for text in fixed.done), fixed.done
    assert fixed.not_done == ()
    assert find_problems(fixed.model, limits) == []
    assert are_equal(*wanted_and_found(model, fixed.model))
    assert fix_model(fixed.model, limits).done == ()
    assert fix_model(model, limits).model.content == fixed.model.content


@pytest.mark.emulated
@pytest.mark.toolchain
@pytest.mark.parametrize(
    "name",
    ["free batch", "unrolled LSTM, free batch", "dense on a sequence", "depthwise activation"],
)
def test_the_board_runs_it_and_equals_the_wheel(
    name: str, limits: Limits, builder_2020: Builder
) -> None:
    model, _ = FIXABLE[name]
    fixed = fix_model(model, limits).model
    inputs = random_vectors(model, VECTORS, 1).inputs
    found = on_board(fixed, inputs, builder_2020)
    wanted = on_host(fixed, inputs, ReferenceName.TFLM)
    if model.is_integer:
        assert are_equal(found, wanted)
    else:
        assert np.allclose(found[0], wanted[0], rtol=1e-5, atol=1e-6)


def test_uint8_inputs_and_outputs_become_int8_when_asked_for(limits: Limits) -> None:
    model = stored("u8io")
    assert fix_model(model, limits).done == ()
    fixed = fix_model(model, limits, int8_io=True)
    assert [text.split()[0] for text in fixed.done] == ["input", "output"]
    assert find_problems(fixed.model, limits) == []
    (given,) = random_vectors(model, VECTORS, 0).inputs
    (before,) = on_host(model, [given])
    (after,) = on_host(fixed.model, [(given.astype(np.int16) - 128).astype(np.int8)])
    assert np.array_equal(before.astype(np.int16) - 128, after)
    names = [t.name for t in (*model.input_tensors, *model.output_tensors)]
    assert [t.name for t in (*fixed.model.input_tensors, *fixed.model.output_tensors)] == names


@pytest.mark.parametrize(("signature", "outputs"), [("add", [2.0, 3.0]), ("mul", [2.0, 4.0])])
def test_one_of_several_signatures_is_chosen(
    signature: str, outputs: list[float], limits: Limits
) -> None:
    fixed = fix_model(stored("two_signatures"), limits, signature=signature)
    assert fixed.model.subgraphs == 1
    x = np.array([[[1, 2, 0, 0]]], np.float32)
    assert on_host(fixed.model, [x])[0][0, 0, :2].tolist() == outputs


def test_an_unknown_signature_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no signature 'ad'") as failed:
        fix_model(stored("two_signatures"), signature="ad")
    assert "add" in failed.value.hint


def test_an_input_that_nothing_reads_is_left_out(limits: Limits) -> None:
    model = made(
        [floats(1, 4, name="x"), floats(1, 4, name="spare"), floats(1, 4)],
        [Operator("ABS", (0,), (2,))],
        (0, 1),
        2,
    )
    assert "input 'spare' is read by no operator" in str(find_problems(model, limits)[0])
    fixed = fix_model(model, limits).model
    assert [tensor.name for tensor in fixed.input_tensors] == ["x"]
    assert find_problems(fixed, limits) == []
    x, spare = random_vectors(model, VECTORS, 0).inputs
    assert are_equal(on_host(model, [x, spare]), on_host(fixed, [x]))


def test_the_remedy_for_an_unused_output_of_other_operators_works(limits: Limits) -> None:
    def two(*outputs: int) -> ModelInfo:
        return made(
            [floats(1, 4, name="x"), *(floats(1, 4) for _ in range(2))],
            [Operator("ABS", (0,), (1,)), Operator("RELU", (0,), (2,))],
            (0,),
            *outputs,
        )

    assert "what it computes is never used" in str(find_problems(two(1), limits)[0])
    assert find_problems(two(1, 2), limits) == []


def test_nothing_to_do_is_said(limits: Limits, digits_int8: ModelInfo) -> None:
    fixed = fix_model(digits_int8, limits)
    assert fixed.done == ()
    assert fixed.model is digits_int8


@pytest.mark.parametrize("name", ["lstm_float", "k_up_nearest_int8", "ethosu"])
def test_what_cannot_be_fixed_stays_and_is_named(name: str, limits: Limits) -> None:
    model = stored(name)
    fixed = fix_model(model, limits)
    before, after = (problem_texts(find_problems(m, limits)) for m in (model, fixed.model))
    assert after == before != []


def test_a_damaged_model_is_told() -> None:
    model = stored("flat_free_float")
    broken = bytearray(model.content)
    broken[8:40] = b"\xff" * 32
    with pytest.raises(ModelError, match="damaged"):
        fix_model(parse_model(bytes(broken), "broken"))
