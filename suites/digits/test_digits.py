"""Tests written in Python: questions that limits in suite.toml cannot ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from hil.device import Device
    from hil.record import RunRecord

IMAGE_SHAPE = (8, 8, 1)
INFER_TIMEOUT_S = 10.0
RAM_LEFT_BY_THE_APPLICATION_BYTES = 16 << 10


@pytest.mark.hil(model="digits_int8")
def test_fits_beside_the_application(hil_run: RunRecord) -> None:
    """A limit on a sum: arena and variables share what the application leaves."""
    arena, static = hil_run.metrics.arena_used_bytes, hil_run.metrics.ram_static_bytes
    assert arena is not None
    assert static is not None
    assert arena + static <= RAM_LEFT_BY_THE_APPLICATION_BYTES


@pytest.mark.hil(model="digits_int8")
def test_an_image_leaves_nothing_behind_for_the_next_one(hil_device: Device) -> None:
    """The same image gives the same answer whatever came before it."""
    black = np.full(IMAGE_SHAPE, -128, np.int8).tobytes()
    white = np.full(IMAGE_SHAPE, 127, np.int8).tobytes()
    first = hil_device.infer([black], INFER_TIMEOUT_S)
    other = hil_device.infer([white], INFER_TIMEOUT_S)
    again = hil_device.infer([black], INFER_TIMEOUT_S)
    assert other.outputs != first.outputs
    assert again.outputs == first.outputs
