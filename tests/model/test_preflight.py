from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hil.errors import UnsupportedModel
from hil.model.flatbuffer import parse_model, read_model
from hil.model.preflight import Limits, find_problems, require_runnable
from hil.tflm.kernels import PORTABLE_OPTIMIZED, REFERENCE
from hil.tflm.rules_2020 import RULES
from tests import models
from tests.conftest import SUITES
from tests.models import Model, Operator, Tensor

LIMITS = Limits(
    operators={
        "FULLY_CONNECTED": 4,
        "CONV_2D": 3,
        "DEPTHWISE_CONV_2D": 3,
        "MEAN": 1,
        "DEQUANTIZE": 2,
        "QUANTIZE": 1,
        "ADD": 2,
        "RELU": 1,
    },
    kernels=REFERENCE,
    rules=RULES,
    flash_bytes=1 << 20,
    arena_bytes=256 << 10,
)


def reasons(content: bytes, limits: Limits = LIMITS) -> list[str]:
    return [str(problem) for problem in find_problems(parse_model(content, "m"), limits)]


def first(content: bytes, limits: Limits = LIMITS) -> str:
    reason, *_ = reasons(content, limits)
    return reason


@pytest.mark.parametrize("name", ["har/models/har", "digits/models/digits"])
@pytest.mark.parametrize("scheme", ["float32", "int8", "weight_only"])
def test_our_suites_run(name: str, scheme: str, tflm_operators: dict[str, int | None]) -> None:
    model = read_model(SUITES / f"{name}_{scheme}.tflite")
    assert find_problems(model, replace(LIMITS, operators=tflm_operators)) == []


@pytest.mark.parametrize("name", ["har/models/har", "digits/models/digits"])
@pytest.mark.parametrize(
    ("scheme", "where", "types"),
    [
        ("int16x8", "operator 0 CONV_2D: int16 activations", "int16, int8, int64 -> int16"),
        ("dynamic", "operator 0 CONV_2D: hybrid", "float32, int8, float32 -> float32"),
        ("float16", "operator 0 DEQUANTIZE: float16 weights", "float16 -> float32"),
    ],
)
def test_schemes_that_cannot_run_say_where_what_why_and_what_to_do(
    name: str, scheme: str, where: str, types: str, tflm_operators: dict[str, int | None]
) -> None:
    model = read_model(SUITES / f"{name}_{scheme}.tflite")
    first, *_ = find_problems(model, replace(LIMITS, operators=tflm_operators))
    assert str(first).startswith(where)
    assert first.types == types
    assert f"(its tensors: {types})" in str(first)
    assert "hil model convert --scheme int8" in first.remedy


def test_all_missing_operators_are_named_with_their_index() -> None:
    content = models.write(
        Model(
            [Tensor("FLOAT32", (1, 4)) for _ in range(4)],
            [
                Operator("GELU", (0,), (1,)),
                Operator("ADD", (1, 1), (2,)),
                Operator("SQUEEZE", (2,), (3,)),
            ],
            (0,),
            (3,),
        )
    )
    first, second = reasons(content)
    assert first.startswith("operator 0 GELU: this TFLM has no kernel")
    assert second.startswith("operator 2 SQUEEZE")
    assert "makes it a RESHAPE" in second


def test_a_custom_operator_has_no_kernel() -> None:
    content = models.write(
        Model(
            [Tensor("FLOAT32", (1, 4)), Tensor("FLOAT32", (1, 4))],
            [Operator("", (0,), (1,), custom_name="Magic")],
            (0,),
            (1,),
        )
    )
    assert "custom operator 'Magic'" in first(content)


def test_dynamic_range_is_called_hybrid() -> None:
    assert "hybrid" in first(models.dense_int8(input_type="FLOAT32"))


def test_int16x8_has_no_kernels() -> None:
    assert "int16x8" in first(models.dense_int8(input_type="INT16"))


def test_per_channel_dense_weights_would_be_silently_wrong() -> None:
    reason = first(models.dense_int8((0.1, 0.2, 0.3)))
    assert "wrong results without a word" in reason
    assert "disable_per_channel_quantization_for_dense_layers" in reason


@pytest.mark.parametrize(
    ("type_", "scales", "text"), [("FLOAT16", (), "float16"), ("INT8", (0.1, 0.2), "per-channel")]
)
def test_dequantized_constants(type_: str, scales: tuple[float, ...], text: str) -> None:
    data = np.zeros(2, np.float16 if type_ == "FLOAT16" else np.int8)
    content = models.write(
        Model(
            [
                Tensor(type_, (2,), data, scales),
                Tensor("FLOAT32", (2,)),
                Tensor("FLOAT32", (2,)),
                Tensor("FLOAT32", (2,)),
            ],
            [Operator("DEQUANTIZE", (0,), (1,)), Operator("ADD", (1, 2), (3,))],
            (2,),
            (3,),
        )
    )
    assert text in first(content)


def test_an_int8_mean_fails_only_when_invoked() -> None:
    assert "float32 only" in first(models.single_operator("MEAN", type_="INT8"))


def test_a_newer_operator_version_is_refused() -> None:
    assert "version 9" in first(models.single_operator("ADD", version=9))


def test_another_schema_version_is_refused() -> None:
    model = Model(
        [Tensor("FLOAT32", (1, 4)), Tensor("FLOAT32", (1, 4))],
        [Operator("ADD", (0, 0), (1,))],
        (0,),
        (1,),
        version=4,
    )
    assert "schema version 4" in first(models.write(model))


def test_several_subgraphs_are_refused() -> None:
    model = Model(
        [Tensor("FLOAT32", (1, 4)), Tensor("FLOAT32", (1, 4))],
        [Operator("ADD", (0, 0), (1,))],
        (0,),
        (1,),
        subgraphs=2,
    )
    assert "1 subgraph that the first one does not call" in first(models.write(model))


@pytest.mark.parametrize("shape", [(-1, 4), (1, 0)])
def test_shapes_that_are_not_fixed_or_empty_are_refused(shape: tuple[int, ...]) -> None:
    text = "dynamic shape" if shape[0] < 0 else "has no elements"
    found = reasons(models.single_operator("ADD", shape=shape))
    assert all(text in reason for reason in found)
    assert found


def test_strings_are_refused() -> None:
    found = reasons(models.single_operator("ADD", type_="STRING"))
    assert any("is STRING" in reason for reason in found)


def test_a_model_larger_than_flash_is_refused() -> None:
    assert "flash 100" in first(models.dense_float(), replace(LIMITS, flash_bytes=100))


def test_activations_larger_than_ram_are_refused() -> None:
    content = models.single_operator("ADD", shape=(1, 1000))
    assert "8,000 bytes of activations" in first(content, replace(LIMITS, arena_bytes=7999))
    assert reasons(content, replace(LIMITS, arena_bytes=8000)) == []


def arena_remedy(type_: str, limits: Limits) -> str:
    """What is advised where one operator of 2 x 140,000 values does not fit."""
    content = models.single_operator("RELU", type_=type_, shape=(1, 140_000))
    problems = find_problems(parse_model(content, "m"), limits)
    (remedy,) = [each.remedy for each in problems if "of activations" in each.reason]
    return remedy


def test_advice_on_ram_fits_the_model() -> None:
    small = replace(LIMITS, arena_bytes=200_000)
    smaller = "use smaller inputs or fewer channels"
    assert arena_remedy("INT8", small) == smaller
    assert arena_remedy("FLOAT32", small) == smaller  # 280,000 bytes as int8 are too many too
    large = replace(LIMITS, arena_bytes=300_000)
    for type_ in ("FLOAT32", "INT16"):
        assert (
            arena_remedy(type_, large) == f"quantize it to int8: about 280,000 bytes, or {smaller}"
        )


def test_all_ram_is_advised_where_that_is_enough() -> None:
    joined = replace(
        LIMITS, arena_bytes=200_000, joined_arena_bytes=300_000, joined_ram_bytes=320 * 1024
    )
    assert arena_remedy("INT8", joined).startswith(
        'fits with arena = "all" (320 KiB) in the target file, or '
    )
    assert "arena" not in arena_remedy("INT8", replace(joined, joined_arena_bytes=290_000))


def test_advice_on_flash_fits_the_model() -> None:
    tiny = replace(LIMITS, flash_bytes=100)
    assert "quantize it to int8 or make it smaller" in first(models.dense_float(), tiny)
    advice = [each for each in reasons(models.dense_int8(), tiny) if "flash 100" in each]
    assert len(advice) == 1
    assert advice[0].endswith("; make it smaller")


def test_code_counts_where_it_is_known() -> None:
    content = models.dense_float()
    size = len(content)
    known = replace(LIMITS, flash_bytes=size + 50_000, code_bytes=lambda model: 60_000)
    assert "together about 10,000 more than the target's flash" in first(content, known)
    near = replace(known, flash_bytes=size + 55_000)  # the linker decides
    assert reasons(content, near) == []
    assert reasons(content, replace(known, code_bytes=lambda model: None)) == []


@pytest.mark.parametrize(
    ("kernels", "channels", "refused"),
    [
        (PORTABLE_OPTIMIZED, 257, True),
        (PORTABLE_OPTIMIZED, 256, False),
        (REFERENCE, 257, False),
    ],
)
def test_depthwise_channels_the_optimized_kernel_cannot_hold(
    kernels: str, channels: int, refused: bool
) -> None:
    content = models.write(
        Model(
            [
                Tensor("INT8", (1, 4, 4, channels), scales=(0.1,)),
                Tensor("INT8", (1, 3, 3, channels), np.zeros((1, 3, 3, channels), np.int8), (0.1,)),
                Tensor("INT32", (channels,), np.zeros(channels, np.int32), (0.01,)),
                Tensor("INT8", (1, 4, 4, channels), scales=(0.1,)),
            ],
            [Operator("DEPTHWISE_CONV_2D", (0, 1, 2), (3,), 3, {"depthMultiplier": 1})],
            (0,),
            (3,),
        )
    )
    found = reasons(content, replace(LIMITS, kernels=kernels))
    assert bool(found) is refused
    if refused:
        assert "overwrite the stack" in found[0]


def test_every_reason_comes_with_a_remedy() -> None:
    for problem in find_problems(parse_model(models.dense_int8((0.1, 0.2, 0.3)), "m"), LIMITS):
        assert problem.remedy


def test_a_code_in_the_newer_field_only_is_refused() -> None:
    tensors = [Tensor("FLOAT32", (1, 4)) for _ in range(2)]
    operator = Operator("RELU", (0,), (1,), legacy_code=0)
    content = models.write(Model(tensors, [operator], (0,), (1,)))
    assert "newer field only" in first(content)


def test_constants_of_another_size_are_refused() -> None:
    tensors = [
        Tensor("FLOAT32", (1, 4)),
        Tensor("FLOAT32", (1, 4), np.zeros(3, np.float32)),
        Tensor("FLOAT32", (1, 4)),
    ]
    content = models.write(Model(tensors, [Operator("ADD", (0, 1), (2,))], (0,), (2,)))
    assert "has 12 bytes of data, its shape 16" in first(content)


def test_tensors_that_nothing_makes_or_uses_are_refused() -> None:
    tensors = [Tensor("FLOAT32", (1, 4)) for _ in range(4)]
    content = models.write(Model(tensors, [Operator("ADD", (0, 1), (2,))], (0, 3), (2,)))
    unmade, unused = reasons(content)
    assert "'tensor' is used, but nothing makes it" in unmade
    assert "input 'tensor' is read by no operator" in unused


def test_what_cannot_run_is_refused_with_one_reason_or_under_a_title_with_all() -> None:
    model = parse_model(models.dense_float(), "m")
    tiny = Limits({}, REFERENCE, RULES, flash_bytes=16, arena_bytes=1 << 20)
    problems = find_problems(model, tiny)
    assert len(problems) == 2
    with pytest.raises(UnsupportedModel) as first:
        require_runnable(model, tiny)
    assert first.value.message == f"{problems[0]} (and 1 more)"
    with pytest.raises(UnsupportedModel) as titled:
        require_runnable(model, tiny, "m cannot run here")
    assert titled.value.message == "m cannot run here"
    assert titled.value.detail.splitlines() == [f"- {problem}" for problem in problems]
