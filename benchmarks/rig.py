"""What the benchmarks measure on: the suites' models, images of them, boards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from hil.bench.emulated import EmulatedBoard
from hil.device import Device, start_device
from hil.firmware.build import Builder
from hil.firmware.image import Image
from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo
from hil.target import Target, load_target
from hil.tflm.locate import locate_tflm

SUITES = Path(__file__).parent.parent / "suites"
MODELS = ("har_float32", "har_int8", "digits_float32", "digits_int8")


@cache
def target() -> Target:
    """The STM32F746G-DISCO."""
    return load_target("stm32f746")


@cache
def builder() -> Builder:
    """Builds from the pinned TFLM, through the user's cache."""
    return Builder(target(), locate_tflm())


@cache
def model(name: str) -> ModelInfo:
    """A suite's model."""
    return read_model(SUITES / name.split("_")[0] / "models" / f"{name}.tflite")


def image(name: str) -> Image:
    """The image of a suite's model."""
    return builder().build(model(name))


@contextmanager
def running(name: str) -> Iterator[Device]:
    """A fresh emulated board that runs a suite's model."""
    board = EmulatedBoard(target())
    try:
        device = start_device(board, image(name), target())
        yield device
        device.close()
    finally:
        board.close()
