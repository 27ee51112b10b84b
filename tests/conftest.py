"""What tests share: models, images, boards, and what is skipped where something is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.bench.emulated import EmulatedBoard
from hil.emulator.core import core_path, unicorn_path
from hil.firmware.build import Builder
from hil.firmware.image import Image
from hil.model.flatbuffer import parse_model, read_model
from hil.model.info import ModelInfo
from hil.target import Target, load_target
from hil.tflm.locate import locate_tflm
from hil.tflm.source import TflmSource
from tests import models

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
# pytester moves the home folder; cargo and the cache of images are in the real one.
HOME = Path.home()
SUITES = ROOT / "suites"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test-all` runs what `make test` leaves out, for it needs more than the set-up has."""
    parser.addoption("--install", action="store_true", help="run tests that install packages")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips by name what this machine cannot run."""
    may_install = config.getoption("--install")
    sweeps = "sweep" in config.option.markexpr
    has_qemu = shutil.which("qemu-system-arm")
    has_browser = shutil.which("chromium") and shutil.which("chromedriver")
    has_postgres = any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    has_toolchain = all(shutil.which(name) for name in ("arm-none-eabi-g++", "cmake", "ninja"))
    has_emulator = core_path().exists() and unicorn_path() is not None
    for item in items:
        if item.get_closest_marker("toolchain") and not has_toolchain:
            item.add_marker(pytest.mark.skip(reason="the Arm toolchain is not installed"))
        if item.get_closest_marker("emulated") and not has_emulator:
            item.add_marker(pytest.mark.skip(reason="the emulator extra is not installed"))
        if item.get_closest_marker("install") and not may_install:
            item.add_marker(pytest.mark.skip(reason="installs packages: make test-all"))
        if item.get_closest_marker("slow") and not may_install:
            item.add_marker(pytest.mark.skip(reason="takes minutes: make test-all"))
        if item.get_closest_marker("sweep") and not sweeps:
            item.add_marker(pytest.mark.skip(reason="a full random sweep: make sweep"))
        if item.get_closest_marker("postgres") and not (has_postgres and may_install):
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL: make test-all"))
        if item.get_closest_marker("browser") and not (has_browser and may_install):
            item.add_marker(pytest.mark.skip(reason="needs Chromium: make test-all"))
        if item.get_closest_marker("qemu") and not has_qemu:
            item.add_marker(pytest.mark.skip(reason="no qemu-system-arm: make test-all"))


@pytest.fixture(scope="session")
def target() -> Target:
    """The STM32F746G-DISCO."""
    return load_target("stm32f746", ROOT)


@pytest.fixture(scope="session")
def tflm() -> TflmSource:
    """The TFLM tree in use when none is asked for."""
    return locate_tflm()


@pytest.fixture(scope="session")
def tflm_2020() -> TflmSource:
    """The pinned tree of generation 2020."""
    return locate_tflm("2020")


@pytest.fixture(scope="session")
def tflm_2024() -> TflmSource:
    """The pinned tree of generation 2024."""
    return locate_tflm("2024")


@pytest.fixture(scope="session")
def builder(target: Target, tflm: TflmSource) -> Builder:
    """Builds images for the target, from the user's cache when they are there."""
    return Builder(target, tflm)


@pytest.fixture(scope="session")
def dense_model() -> ModelInfo:
    """A tiny float32 model: y = W x + b."""
    return parse_model(models.dense_float(), "dense")


@pytest.fixture(scope="session")
def digits_int8() -> ModelInfo:
    """The digits suite's int8 model."""
    return read_model(SUITES / "digits" / "models" / "digits_int8.tflite")


@pytest.fixture(scope="session")
def dense_image(builder: Builder, dense_model: ModelInfo) -> Image:
    """The tiny model as an image."""
    return builder.build(dense_model)


@pytest.fixture
def board(target: Target) -> Iterator[EmulatedBoard]:
    """A private emulated board."""
    emulated = EmulatedBoard(target)
    yield emulated
    emulated.close()


@pytest.fixture(scope="session")
def tflm_operators(tflm_2020: TflmSource) -> dict[str, int | None]:
    """Operators of generation 2020 with the highest versions that its own table names."""
    return {name: each.highest_version for name, each in tflm_2020.operators.items()}
