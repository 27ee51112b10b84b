"""What preflight advises for a model that needs more RAM than the arena's memory has."""

from __future__ import annotations

import pytest

from hil.bench.emulated import EmulatedBoard
from hil.device import start_device
from hil.firmware.build import Builder
from hil.model.flatbuffer import parse_model
from hil.model.preflight import find_problems
from tests import models


@pytest.mark.emulated
@pytest.mark.toolchain
def test_a_model_that_is_told_to_use_all_ram_runs_with_it(builder: Builder) -> None:
    model = parse_model(models.single_operator("RELU", shape=(1, 35_000)), "wide")
    (problem,) = find_problems(model, builder.limits())
    assert problem.remedy.startswith('fits with arena = "all" (320 KiB) in the target file')
    placement = builder.target.placement.model_copy(update={"arena": "all"})
    target = builder.target.model_copy(update={"placement": placement})
    joined = Builder(target, builder.tflm, builder.kernels)
    assert find_problems(model, joined.limits()) == []
    board = EmulatedBoard(target)
    try:
        device = start_device(board, joined.build(model), target)
        device.allocate()
        assert device.arena.arena_used_bytes > builder.target.memory["sram"].bytes
        device.close()
    finally:
        board.close()
