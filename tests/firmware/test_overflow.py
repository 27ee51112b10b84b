from __future__ import annotations

import re
from pathlib import Path

import pytest

from hil.errors import UnsupportedModel
from hil.firmware.build import Builder
from hil.firmware.image import Image
from hil.firmware.overflow import overflow_in
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.target import Placement, Target
from tests import models
from tests.cli.test_cli import hil, refused

pytestmark = pytest.mark.toolchain

INPUTS, OUTPUTS = 1000, 1040  # its file fits into 1 MiB, its image does not


def build_for(builder: Builder, model: ModelInfo, **placement: object) -> Image:
    """The image with other words in the target's [placement]."""
    target = builder.target
    changed = Placement.model_validate(target.placement.model_dump() | placement)
    return Builder(target.model_copy(update={"placement": changed}), builder.tflm).build(model)


def test_an_image_larger_than_the_flash_says_by_how_much(builder: Builder) -> None:
    model = parse_model(models.large_dense_int8(INPUTS, OUTPUTS), "large")
    assert model.file_bytes < builder.target.flash.bytes
    with pytest.raises(UnsupportedModel) as caught:
        builder.build(model)
    message = caught.value.message
    match = re.fullmatch(
        r"the image is ([\d,]+) bytes larger than the flash of stm32f746 \(1,048,576 bytes\)",
        message,
    )
    assert match, message
    excess = int(match[1].replace(",", ""))
    # What the hint says: a model that is that much smaller fits.
    rows = -(-excess // INPUTS)
    smaller = parse_model(models.large_dense_int8(INPUTS, OUTPUTS - rows), "smaller")
    assert f"make it {excess:,} bytes smaller" in caught.value.hint
    assert model.file_bytes - smaller.file_bytes >= excess
    assert builder.build(smaller).sizes.flash_bytes <= builder.target.flash.bytes


def test_a_stack_larger_than_its_memory_is_named(builder: Builder, dense_model: ModelInfo) -> None:
    size = builder.target.memory["dtcm"].bytes
    with pytest.raises(UnsupportedModel, match=r"bytes larger than dtcm of stm32f746 \(65,536"):
        build_for(builder, dense_model, data="dtcm", stack_bytes=size)


def test_all_ram_joined_that_is_too_small_is_named(
    builder: Builder, dense_model: ModelInfo
) -> None:
    with pytest.raises(UnsupportedModel, match=r"bytes larger than ram of stm32f746 \(327,680"):
        build_for(builder, dense_model, arena="all", stack_bytes=builder.target.ram_bytes)


def test_no_ram_for_the_arena_is_named(builder: Builder, dense_model: ModelInfo) -> None:
    sizes = build_for(builder, dense_model, data="dtcm", arena="dtcm").sizes
    stack_bytes = sizes.stack_bytes + sizes.arena_capacity_bytes
    with pytest.raises(UnsupportedModel, match="no RAM is left for the arena on stm32f746"):
        build_for(builder, dense_model, data="dtcm", arena="dtcm", stack_bytes=stack_bytes // 8 * 8)


def test_other_errors_of_the_linker_are_not_about_size(
    target: Target, dense_model: ModelInfo
) -> None:
    text = "ld: resolver.cc.obj: undefined reference to `f'\ncollect2: error: ld returned 1"
    assert overflow_in(text, dense_model, target) is None


def test_hil_build_says_so(builder: Builder, tmp_path: Path) -> None:
    """For a model so near to the limit that preflight leaves it to the linker."""
    code_bytes = builder.build(parse_model(models.dense_int8(), "small")).sizes.code_bytes
    outputs = (builder.target.flash.bytes - code_bytes + 1500) // (INPUTS + 4)
    path = tmp_path / "large.tflite"
    path.write_bytes(models.large_dense_int8(INPUTS, outputs))
    refused(hil("build", path), "bytes larger than the flash of stm32f746 (1,048,576 bytes)")
