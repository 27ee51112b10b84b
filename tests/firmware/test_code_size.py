"""The size of code, estimated from images that were built here."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hil.cli.model import print_size
from hil.firmware.build import Builder
from hil.firmware.cache import Cache
from hil.firmware.code_size import CodeSizes
from hil.model.flatbuffer import parse_model, read_model
from hil.model.info import ModelInfo
from hil.model.preflight import find_problems
from hil.model.sizes import CODE_TOLERANCE
from hil.target import Target
from hil.tflm.additions import additions
from hil.tflm.locate import locate_tflm
from tests import models
from tests.conftest import SUITES

pytestmark = pytest.mark.toolchain

MODELS = ("har_int8", "digits_int8", "har_float32", "digits_float32")


def suite_model(name: str) -> ModelInfo:
    return read_model(SUITES / name.split("_")[0] / "models" / f"{name}.tflite")


@pytest.fixture(scope="module", params=["2020", "2024"])
def generation_builder(request: pytest.FixtureRequest, target: Target) -> Builder:
    return Builder(target, locate_tflm(request.param))


@pytest.fixture
def sizes(generation_builder: Builder, tmp_path: Path) -> CodeSizes:
    """Nothing is known yet."""
    return sizes_of(generation_builder, tmp_path / "cache")


def sizes_of(builder: Builder, folder: Path) -> CodeSizes:
    return CodeSizes(Cache(folder), builder.tflm, builder.library, {"compiler": "x"})


def test_an_estimate_is_close_to_the_image(generation_builder: Builder, tmp_path: Path) -> None:
    """Each model's code, estimated from the image of the other suite's model alone."""
    errors = {}
    for name in MODELS:
        other, _, scheme = name.partition("_")
        teacher = suite_model(f"{'digits' if other == 'har' else 'har'}_{scheme}")
        known = sizes_of(generation_builder, tmp_path / name)
        known.learn(generation_builder.build(teacher), additions(teacher, generation_builder.tflm))
        model = suite_model(name)
        estimate = known.estimate(additions(model, generation_builder.tflm))
        assert estimate is not None
        if name.startswith("har"):  # digits has no RESHAPE
            assert estimate.unknown == ("RESHAPE",)
            assert estimate.total_bytes is None
            continue
        code_bytes = generation_builder.build(model).sizes.code_bytes
        assert estimate.total_bytes is not None
        errors[name] = estimate.total_bytes / code_bytes - 1
    assert len(errors) == 2  # the digits models, from those of har
    assert max(map(abs, errors.values())) < CODE_TOLERANCE / 2, errors


def test_what_is_learned_from_an_image_adds_up_to_it(
    generation_builder: Builder, sizes: CodeSizes
) -> None:
    model = suite_model("har_int8")
    image, added = generation_builder.build(model), additions(model, generation_builder.tflm)
    assert sizes.estimate(added) is None
    sizes.learn(image, added)
    estimate = sizes.estimate(added)
    assert estimate is not None
    assert estimate.total_bytes == image.sizes.code_bytes
    assert set(estimate.operator_bytes) == set(model.operator_names)
    assert estimate.operator_bytes["CONV_2D"] > 1000


def test_what_one_operator_brings_is_what_all_images_with_it_have(
    generation_builder: Builder, sizes: CodeSizes
) -> None:
    """A dense layer is not charged with what convolutions brought into the only image seen so far,
    as soon as there is one without them.
    """
    tflm = generation_builder.tflm
    har, dense = suite_model("har_float32"), parse_model(models.dense_float(), "dense")
    relu = parse_model(models.single_operator("RELU"), "relu")
    both = [*additions(dense, tflm), *additions(relu, tflm)]
    totals = []
    for model in (har, relu, dense):
        sizes.learn(generation_builder.build(model), additions(model, tflm))
        estimate = sizes.estimate(both)
        assert estimate is not None
        totals.append(estimate.total_bytes)
    assert totals[0] is None  # no RELU yet
    assert totals[1] is not None
    assert totals[2] is not None
    assert totals[2] < totals[1]


def test_other_compilers_know_nothing_of_it(
    generation_builder: Builder, sizes: CodeSizes, tmp_path: Path
) -> None:
    model = suite_model("har_int8")
    added = additions(model, generation_builder.tflm)
    sizes.learn(generation_builder.build(model), added)
    other = CodeSizes(sizes.cache, sizes.tflm, sizes.library, {"compiler": "y"})
    assert other.estimate(added) is None


def test_a_map_that_cannot_be_read_teaches_nothing(
    generation_builder: Builder, sizes: CodeSizes, tmp_path: Path
) -> None:
    model = suite_model("har_int8")
    image, added = generation_builder.build(model), additions(model, generation_builder.tflm)
    copy = tmp_path / "image.elf"
    copy.write_bytes(image.path.read_bytes())
    (tmp_path / "image.map").write_text("     VMA      LMA     Size Align Out     In      Symbol\n")
    sizes.learn(type(image)(copy, image.build_id, image.manifest, image.sizes), added)
    assert sizes.estimate(added) is None


def test_a_model_that_fits_without_its_code_only_is_refused_before_the_build(
    builder: Builder,
) -> None:
    builder.build(parse_model(models.dense_int8(), "teacher"))
    model = parse_model(models.large_dense_int8(1000, 1040), "large")
    assert model.file_bytes < builder.target.flash.bytes
    (problem,) = find_problems(model, builder.limits())
    assert "its code about" in problem.reason
    assert problem.remedy == "make it smaller"  # it is int8 already
    code, excess = (
        int(problem.reason.partition(words)[2].split()[0].strip(":").replace(",", ""))
        for words in ("its code about ", "together about ")
    )
    # Applied: as much smaller as it says, with the tolerance that an estimate has.
    rows = -(-int(excess + CODE_TOLERANCE * code) // 1000)
    smaller = parse_model(models.large_dense_int8(1000, 1040 - rows), "smaller")
    assert find_problems(smaller, builder.limits()) == []
    assert builder.build(smaller).sizes.flash_bytes <= builder.target.flash.bytes


def shown(model: ModelInfo, builder: Builder) -> str:
    console = Console(file=StringIO(), width=200)
    print_size(console, model, builder)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_without_an_image_nothing_is_estimated(
    builder: Builder, digits_int8: ModelInfo, tmp_path: Path
) -> None:
    unlearned = Builder(builder.target, builder.tflm, cache=Cache(tmp_path / "cache"))
    text = shown(digits_int8, unlearned)
    assert "model 12,584 of 1,048,576 bytes; code unknown: no image was built here yet" in text
    assert unlearned.limits().code_bytes(digits_int8) is None


def test_with_an_image_the_parts_are_shown(builder: Builder, digits_int8: ModelInfo) -> None:
    image = builder.build(digits_int8)
    first, second = shown(digits_int8, builder).splitlines()
    assert first.startswith("flash  about ")
    assert "model 12,584, code " in first
    assert "SOFTMAX " in second
    estimated = int(first.split()[2].replace(",", ""))
    assert abs(estimated / image.sizes.flash_bytes - 1) < CODE_TOLERANCE
