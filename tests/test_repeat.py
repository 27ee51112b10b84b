"""Further latencies of two images in turn, taken on the emulated board."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.bench.emulated import EmulatedBoard
from hil.data import random_vectors
from hil.errors import HilError
from hil.firmware.build import Builder
from hil.firmware.cache import Cache
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.repeat import Repeats, Side, cached_image, model_in
from hil.target import Target
from tests import models

pytestmark = [pytest.mark.emulated, pytest.mark.toolchain]
COUNT = 3


def side(builder: Builder, model: ModelInfo) -> Side:
    return Side(builder.build(model), model, random_vectors(model, COUNT, 1))


@pytest.fixture
def sides(builder: Builder, dense_model: ModelInfo) -> tuple[Side, Side]:
    wide = parse_model(models.dense_float(4, 30), "wide")
    return side(builder, dense_model), side(builder, wide)


def test_both_images_are_measured_and_not_mixed_up(
    sides: tuple[Side, Side], board: EmulatedBoard, target: Target
) -> None:
    repeats = Repeats(board, target, *sides)
    first, second = repeats(), repeats()
    assert first == second  # on an emulated board counts are exact
    assert len(first.before) == len(first.after) == COUNT
    assert min(first.after) > max(first.before)


def test_without_the_old_image_only_the_new_one_is_measured(
    sides: tuple[Side, Side], board: EmulatedBoard, target: Target
) -> None:
    found = Repeats(board, target, None, sides[1])()
    assert found.before == ()
    assert len(found.after) == COUNT


def test_a_board_that_fails_is_named(
    sides: tuple[Side, Side], board: EmulatedBoard, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise HilError("the port is gone")

    monkeypatch.setattr(board, "open_port", fails)
    with pytest.raises(HilError) as caught:
        Repeats(board, target, *sides)()
    assert caught.value.board == board.id


def test_an_image_is_found_by_its_build_id_and_tells_its_model(
    builder: Builder, dense_model: ModelInfo
) -> None:
    image = builder.build(dense_model)
    found = cached_image(builder.cache, image.build_id_hex)
    assert found is not None
    assert found.path == image.path
    assert model_in(found).sha256 == dense_model.sha256
    assert cached_image(builder.cache, "00" * 20) is None


def test_what_is_no_image_in_the_cache_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "image" / "x" / "image.elf"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no ELF")
    assert cached_image(Cache(tmp_path), "00" * 20) is None
