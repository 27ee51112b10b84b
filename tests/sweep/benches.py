"""The 2024 tree on the emulated board, with one of its kernel libraries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hil.firmware.build import Builder
from hil.target import load_target
from hil.tflm.locate import locate_tflm
from tests.conftest import ROOT
from tests.sweep.runners import BoardRunner
from tests.sweep.sweep import Bench

TFLM = "2024"
TARGET = "stm32f746"
LIBRARIES = ("cmsis_nn", "reference")


@contextmanager
def open_bench(library: str) -> Iterator[Bench]:
    """The bench of a kernel library, its board ended afterwards."""
    builder = Builder(load_target(TARGET, ROOT), locate_tflm(TFLM), library)
    runner = BoardRunner(builder)
    try:
        yield Bench(library, builder.limits(), runner)
    finally:
        runner.close()
