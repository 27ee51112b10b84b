"""Watching an inference operator by operator: what is told is whole, and disturbs nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hil.bench.emulated import EmulatedBoard
from hil.data import random_vectors
from hil.device import Device, start_device
from hil.errors import LinkError
from hil.firmware.build import Builder
from hil.firmware.host_build import HostBuilder
from hil.model.info import ModelInfo
from hil.profile import measure_profile
from hil.reference.tree import TreeReference, start_tree
from hil.sanity import check_sanity
from hil.target import Target
from hil.tflm.source import TflmSource
from hil.trace import trace

pytestmark = [pytest.mark.emulated, pytest.mark.toolchain]

TIMEOUT_S = 10.0


@pytest.fixture(scope="module")
def board(target: Target) -> Iterator[EmulatedBoard]:
    emulated = EmulatedBoard(target)
    yield emulated
    emulated.close()


@pytest.fixture(scope="module")
def device(
    board: EmulatedBoard, builder: Builder, digits_int8: ModelInfo, target: Target
) -> Iterator[Device]:
    started = start_device(board, builder.build(digits_int8), target)
    yield started
    started.close()


@pytest.fixture(scope="module")
def inputs(digits_int8: ModelInfo) -> list[bytes]:
    return random_vectors(digits_int8, 1, 3).input_bytes(0)


def test_every_operator_tells_in_order(
    device: Device, digits_int8: ModelInfo, inputs: list[bytes]
) -> None:
    watched = trace(device, inputs, TIMEOUT_S)
    assert [o.index for o in watched.operators] == list(range(len(digits_int8.operators)))
    for told, operator in zip(watched.operators, digits_int8.operators, strict=True):
        sizes = [digits_int8.tensors[i].bytes or 0 for i in operator.outputs]
        assert told.output_bytes == sum(sizes)
        assert told.cycles > watched.wrapper_cycles
        assert (told.input_crc, told.output_crc, told.outputs) == (0, 0, ())
    assert watched.cycles == sum(o.cycles for o in watched.operators)


def test_outputs_of_chosen_operators_come_along(
    device: Device, digits_int8: ModelInfo, inputs: list[bytes]
) -> None:
    last = len(digits_int8.operators) - 1
    final = device.infer(inputs, TIMEOUT_S).outputs
    watched = trace(device, inputs, TIMEOUT_S, data_of=range(1, last + 1))
    assert watched.operators[0].outputs == ()
    assert all(sum(map(len, o.outputs)) == o.output_bytes for o in watched.operators[1:])
    assert watched.operators[last].outputs == final


def test_crcs_chain_from_operator_to_operator(
    device: Device, digits_int8: ModelInfo, inputs: list[bytes]
) -> None:
    """Each operator of this model reads what the one before it wrote."""
    watched = trace(device, inputs, TIMEOUT_S, crc=True)
    for before, after in zip(watched.operators, watched.operators[1:], strict=False):
        assert before.output_crc == after.input_crc != 0


def test_watching_leaves_the_clean_window_as_it_was(device: Device, inputs: list[bytes]) -> None:
    before = device.infer(inputs, TIMEOUT_S)
    trace(device, inputs, TIMEOUT_S, crc=True)
    assert device.infer(inputs, TIMEOUT_S) == before


def test_operators_add_up_to_the_whole(
    device: Device,
    digits_int8: ModelInfo,
    inputs: list[bytes],
    board: EmulatedBoard,
    target: Target,
) -> None:
    sanity = check_sanity(device, board, target)
    profile = measure_profile(device, digits_int8, inputs, sanity.empty_window_cycles, TIMEOUT_S)
    assert 0 < profile.rest_cycles < 0.01 * profile.clean_cycles
    assert sum(o.share for o in profile.operators) == pytest.approx(1)
    assert sum(t.count for t in profile.by_type) == len(profile.operators)
    cycles = [t.cycles for t in profile.by_type]
    assert cycles == sorted(cycles, reverse=True)
    assert sum(cycles) == profile.operator_cycles
    assert sum(o.macs for o in profile.operators) == digits_int8.macs


@pytest.mark.parametrize("speed", [(), ("--paced",)], ids=["fast", "paced"])
def test_what_is_lost_on_the_line_is_asked_for_again(
    speed: tuple[str, ...],
    builder: Builder,
    digits_int8: ModelInfo,
    target: Target,
    inputs: list[bytes],
) -> None:
    board = EmulatedBoard(target, ("--flip-ppm", "30", "--seed", "5", *speed))
    device = start_device(board, builder.build(digits_int8), target)
    operators = range(len(digits_int8.operators))
    try:
        first = trace(device, inputs, TIMEOUT_S, data_of=operators)
        again = [trace(device, inputs, TIMEOUT_S, crc=True, data_of=operators) for _ in range(5)]
        assert all(a.cycles == first.cycles for a in again)
        outputs = [o.outputs for o in first.operators]
        assert all([o.outputs for o in a.operators] == outputs for a in again)
        assert device.infer(inputs, TIMEOUT_S).outputs == outputs[-1]
    finally:
        device.close()
        board.close()


def test_operators_that_never_arrive_are_an_error(
    device: Device, inputs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device.client, "take_observations", list)
    with pytest.raises(LinkError, match="did not arrive whole in 10 attempts"):
        trace(device, inputs, TIMEOUT_S)


def test_the_tree_on_the_host_computes_as_the_board(
    device: Device, tflm: TflmSource, digits_int8: ModelInfo
) -> None:
    vectors = random_vectors(digits_int8, 20, 1)
    result = TreeReference(HostBuilder(tflm)).run(digits_int8, vectors.inputs)
    for index in range(vectors.count):
        found = device.infer(vectors.input_bytes(index), TIMEOUT_S).outputs[0]
        assert found == result.outputs[0][index].tobytes()
    assert result.outputs[0].dtype == np.int8
    assert result.arena_bytes is not None
    assert result.arena_bytes > device.arena.arena_used_bytes  # pointers are twice as long


def test_the_tree_on_the_host_is_another_model_for_another_model(
    tflm: TflmSource, digits_int8: ModelInfo, dense_model: ModelInfo
) -> None:
    builder = HostBuilder(tflm)
    assert builder.build(digits_int8) != builder.build(dense_model)
    device = start_tree(builder, dense_model)
    assert device.inputs[0].bytes == 16
    device.close()
