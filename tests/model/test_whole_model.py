"""What is told of a whole model: causes first, equal things once, consequences not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.model.preflight import Limits, find_problems
from hil.model.problem import problem_texts
from hil.model.rule import RuleSet
from hil.target import Target
from hil.tflm.kernels import REFERENCE
from hil.tflm.rules_2020 import SINCE_2020
from hil.tflm.source import TflmSource
from tests import models
from tests.model.data import stored
from tests.models import Model, Operator, Tensor


def texts(model: ModelInfo, limits: Limits) -> list[str]:
    return problem_texts(find_problems(model, limits))


def floats(*shape: int, name: str = "tensor") -> Tensor:
    return Tensor("FLOAT32", shape, name=name)


def made(
    tensors: list[Tensor], operators: list[Operator], inputs: tuple[int, ...], *outputs: int
) -> ModelInfo:
    return parse_model(models.write(Model(tensors, operators, inputs, outputs)), "made")


def test_a_free_batch_is_one_reason_and_leads(limits: Limits) -> None:
    (text,) = texts(stored("flat_free_float"), limits)
    assert text.startswith("its batch is free: operators compute shapes while it runs")
    assert "2 SHAPE, 3 STRIDED_SLICE" in text
    assert "hil model fix" in text


def test_a_loop_leads_and_its_unused_outputs_are_not_told(limits: Limits) -> None:
    (text,) = texts(stored("lstm_float"), limits)
    assert text.startswith("operator 1 WHILE: this TFLM has no kernel for it")
    assert "unroll=True" in text


@pytest.mark.parametrize("name", ["lstm_unrolled_float", "gru_unrolled_impl2_float"])
def test_the_remedy_for_a_loop_leads_to_a_model_that_fix_mends(name: str, limits: Limits) -> None:
    """The same layers as in `lstm_float` with `unroll=True`; test_fix.py mends and runs them."""
    (text,) = texts(stored(name), limits)
    assert text.startswith("operator 3 SPLIT: its outputs 1 of ")
    assert "hil model fix --tflm 2020 replaces it by STRIDED_SLICE" in text


def test_a_second_signature_is_no_control_flow(limits: Limits) -> None:
    (text,) = texts(stored("two_signatures"), limits)
    assert "for the signatures 'mul'" in text
    assert "control flow" not in text


@pytest.mark.parametrize("name", ["two_signatures", "lstm_float", "flat_free_float", "u8io"])
def test_what_2024_knows_is_no_reason_there(
    name: str, target: Target, tflm_2024: TflmSource
) -> None:
    """Each of these runs on its host build and equals LiteRT's reference kernels."""
    assert texts(stored(name), tflm_2024.limits(target, REFERENCE)) == []


def test_equal_reasons_are_said_once_with_all_operators(limits: Limits) -> None:
    (text,) = texts(stored("k_up_nearest_int8"), limits)
    assert text.startswith("operators 2 and 4 TILE: this TFLM has no kernel for it")


def test_all_reasons_of_an_operator_are_told(limits: Limits) -> None:
    model = made(
        [
            Tensor("INT8", (1, 4, 4, 2), scales=(0.1,)),
            Tensor("INT8", (1, 3, 3, 4), np.ones((1, 3, 3, 4), np.int8), (0.1,), (5,)),
            Tensor("INT8", (1, 2, 2, 4), scales=(0.1,)),
        ],
        [Operator("DEPTHWISE_CONV_2D", (0, 1, -1), (2,), 3, {"depthMultiplier": 3})],
        (0,),
        2,
    )
    found = texts(model, limits)
    for reason in ("zero point other than 0", "its bias is absent", "depth_multiplier is 3"):
        assert sum(reason in text for text in found) == 1, found


@pytest.mark.parametrize("name", ["up_resize_int8", "conv1d_int8", "avgpool_int8"])
def test_what_the_remedies_advise_passes(name: str, limits: Limits) -> None:
    """`tf.image.resize` for UpSampling2D, Conv1D for Dense on a sequence, AveragePooling2D for
    GlobalAveragePooling2D: the same nets so made.
    """
    advised = {
        "up_resize_int8": ("k_up_nearest_int8", "tf.image.resize"),
        "conv1d_int8": ("k_dense3d_int8", "Conv1D"),
        "avgpool_int8": ("gap_int8", "AveragePooling2D"),
    }
    before, remedy = advised[name]
    assert any(remedy in text for text in texts(stored(before), limits))
    assert texts(stored(name), limits) == []


@pytest.mark.parametrize(
    ("custom", "what", "remedy"),
    [
        ("ethos-u", "compiled for Ethos-U (by Vela)", "give the file from before"),
        ("edgetpu-custom-op", "compiled for the Edge TPU", "give the file from before"),
        ("FlexErf", "operators of TensorFlow itself (FlexErf)", "SELECT_TF_OPS"),
    ],
)
def test_what_a_file_was_made_for_is_the_reason(
    custom: str, what: str, remedy: str, limits: Limits
) -> None:
    model = made(
        [floats(1, 4), floats(1, 4)], [Operator("", (0,), (1,), custom_name=custom)], (0,), 1
    )
    (text,) = texts(model, limits)
    assert what in text
    assert remedy in text


def test_a_file_from_vela_is_recognised(limits: Limits) -> None:
    assert texts(stored("ethosu"), limits) == [
        "compiled for Ethos-U (by Vela); give the file from before Vela"
    ]


def test_uint8_inputs_are_told_what_to_convert_with(limits: Limits) -> None:
    found = texts(stored("u8io"), limits)
    assert [text.split(":")[0] for text in found] == ["operator 0 QUANTIZE", "operator 5 QUANTIZE"]
    for text in found:
        assert "hil model fix --tflm 2020 --int8-io" in text
        assert "inference_input_type = inference_output_type = tf.int8" in text


def test_a_reshape_to_a_scalar_passes(limits: Limits) -> None:
    model = made(
        [floats(1, 1), Tensor("INT32", (0,)), floats()],
        [Operator("RESHAPE", (0, 1), (2,), 1, {"newShape": []})],
        (0,),
        2,
    )
    assert texts(model, limits) == []


def test_a_tensor_without_elements_that_is_computed_is_refused(limits: Limits) -> None:
    model = made([floats(1, 0), floats(1, 0)], [Operator("ABS", (0,), (1,))], (0,), 1)
    assert "has no elements" in texts(model, limits)[0]


def test_unused_tensors_matter_where_the_planner_stops_at_them(limits: Limits) -> None:
    model = made(
        [floats(1, 4, name="x"), floats(1, 4, name="spare"), floats(1, 4), floats(0, name="left")],
        [Operator("ABS", (0,), (2,))],
        (0, 1),
        2,
    )
    unread, orphan = texts(model, limits)
    assert unread.startswith("input 'spare' is read by no operator")
    assert "nothing makes or reads tensor 3 'left'" in orphan
    assert texts(model, replace(limits, rules=RuleSet())) == []


def test_an_int8_model_is_not_told_to_be_int8(limits: Limits) -> None:
    large = Tensor("INT8", (1, 1000), scales=(0.1,))
    model = made([large, large], [Operator("ABS", (0,), (1,))], (0,), 1)
    tiny = replace(limits, flash_bytes=100, arena_bytes=100, joined_arena_bytes=0)
    tiny = replace(tiny, operators={"ABS": 1})
    sizes = texts(model, tiny)[-2:]
    assert "flash 100; make it smaller" in sizes[0]
    assert "the target's arena has 100; use smaller inputs or fewer channels" in sizes[1]


@pytest.mark.parametrize("name", ["ADD", "MUL", "GREATER", "LOGICAL_OR"])
def test_five_dimensions_are_too_many_to_broadcast(name: str, limits: Limits) -> None:
    type_ = "BOOL" if name == "LOGICAL_OR" else "FLOAT32"
    output = "FLOAT32" if name in ("ADD", "MUL") else "BOOL"

    def operator(other: tuple[int, ...]) -> ModelInfo:
        wide = (1, 2, 2, 3, 4)
        return made(
            [Tensor(type_, wide), Tensor(type_, other), Tensor(output, wide)],
            [Operator(name, (0, 1), (2,))],
            (0, 1),
            2,
        )

    (text,) = texts(operator((1,)), limits)
    assert "broadcasts over 5 dimensions: the kernel has 4" in text
    assert texts(operator((1, 2, 2, 3, 4)), limits) == []


def test_an_addition_that_stops_the_device_is_refused(limits: Limits) -> None:
    (text,) = texts(stored("d5_addscalar"), limits)
    assert "broadcasts over 5 dimensions" in text


def test_operators_that_2024_is_advised_for_are_there(
    tflm_2020: TflmSource, tflm_2024: TflmSource
) -> None:
    new = set(tflm_2024.operators) - set(tflm_2020.operators)
    assert new - {"ethos-u"} == SINCE_2020


def test_a_newer_tflm_is_advised_for_what_it_has(limits: Limits) -> None:
    model = made([floats(1, 4), floats(1, 4)], [Operator("EXP", (0,), (1,))], (0,), 1)
    assert "TFLM of 2024 has it (--tflm 2024)" in texts(model, limits)[0]
