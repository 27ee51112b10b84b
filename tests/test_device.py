"""Image, board, link and device together: a real image on the emulated board."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyocd.core.session import Session

from hil.bench.emulated import EmulatedBoard
from hil.device import Device, start_device
from hil.emulator.probe import EmulatedProbe
from hil.emulator.protocol import BOARDS_DIR_VARIABLE
from hil.errors import (
    BenchError,
    DataError,
    DeviceFault,
    LinkError,
    LinkTimeout,
    PortLost,
    UnsupportedModel,
)
from hil.firmware.build import Builder
from hil.firmware.image import Image
from hil.link.client import LinkClient
from hil.link.codes import AllocateStatus
from hil.link.messages import Allocate, AllocateReply
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.target import Target, load_target
from hil.tflm.source import TflmSource
from hil.trace import trace
from tests import models
from tests.conftest import ROOT

pytestmark = [pytest.mark.emulated, pytest.mark.toolchain]


@pytest.fixture
def device(board: EmulatedBoard, dense_image: Image, target: Target) -> Iterator[Device]:
    started = start_device(board, dense_image, target)
    yield started
    started.close()


def test_a_dense_layer_is_computed_as_on_paper(device: Device) -> None:
    x = np.array([1.0, -2.0, 0.5, 4.0], np.float32)
    inference = device.infer([x.tobytes()], 10)
    weights = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
    expected = weights @ x + np.arange(3, dtype=np.float32)
    assert np.frombuffer(inference.outputs[0], np.float32).tolist() == expected.tolist()
    assert inference.cycles > 100


@pytest.mark.parametrize("inputs", [[b"abc"], [bytes(16), bytes(16)], []])
def test_inputs_that_do_not_fit_are_not_sent(device: Device, inputs: list[bytes]) -> None:
    with pytest.raises(DataError, match="takes inputs of \\[16\\] bytes"):
        device.infer(inputs, 10)


def test_each_inference_is_announced_watched_or_not(device: Device) -> None:
    begun: list[int] = []
    device.before_each_inference(lambda: begun.append(1))
    x = np.ones(4, np.float32).tobytes()
    device.infer([x], 10)
    trace(device, [x], 10)
    assert len(begun) == 2


def test_the_same_vector_costs_the_same(device: Device) -> None:
    x = np.ones(4, np.float32).tobytes()
    assert len({device.infer([x], 10).cycles for _ in range(20)}) == 1


def test_the_arena_is_split_as_tflm_says(device: Device) -> None:
    arena = device.arena
    assert arena.arena_head_bytes + arena.arena_tail_bytes == arena.arena_used_bytes
    assert arena.arena_bytes == 256 << 10


def test_any_arena_size_answers_and_none_does_harm(device: Device) -> None:
    enough = device.arena.arena_used_bytes + 1024  # planning takes room of its own
    for size in range(1, enough, 37):
        reply = device.client.request(Allocate(size), AllocateReply)
        assert reply.status in (
            AllocateStatus.OK,
            AllocateStatus.FAILED,
            AllocateStatus.ARENA_BELOW_MINIMUM,
        )
    assert device.allocate(enough).status == AllocateStatus.OK
    assert device.infer([np.ones(4, np.float32).tobytes()], 10).cycles > 0


def test_an_arena_that_is_too_small_is_told_in_tflms_words(device: Device) -> None:
    with pytest.raises(UnsupportedModel, match="AllocateTensors failed on the device") as caught:
        device.allocate(300)
    assert "arena of 300 bytes" in str(caught.value)
    assert "Failed to allocate" in str(caught.value)


def test_another_image_does_not_pass(
    board: EmulatedBoard, builder: Builder, dense_image: Image, target: Target
) -> None:
    other = builder.build(parse_model(models.dense_float(4, 5), "other"))
    board.flasher.program(other.path)
    client = LinkClient(board.open_port())
    board.flasher.reset()
    with pytest.raises(LinkError, match="another image answers"):
        Device(client).hello(dense_image, target)
    client.close()


def test_another_target_does_not_pass(device: Device, dense_image: Image, target: Target) -> None:
    with pytest.raises(LinkError, match="the image is for stm32f746, not other"):
        device.hello(dense_image, target.model_copy(update={"name": "other"}))


def test_another_core_clock_does_not_pass(
    device: Device, dense_image: Image, target: Target
) -> None:
    clock = target.clock.model_copy(update={"core_clock_hz": 200_000_000})
    with pytest.raises(LinkError, match="not at 200,000,000 Hz"):
        device.hello(dense_image, target.model_copy(update={"clock": clock}))


def test_several_inputs_and_outputs(board: EmulatedBoard, builder: Builder, target: Target) -> None:
    model = parse_model(
        models.write(
            models.Model(
                [
                    models.Tensor("FLOAT32", (1, 300), name="a"),
                    models.Tensor("FLOAT32", (1, 300), name="b"),
                    models.Tensor("FLOAT32", (1, 300), name="larger"),
                    models.Tensor("FLOAT32", (1, 300), name="smaller"),
                ],
                [
                    models.Operator("MAXIMUM", (0, 1), (2,)),
                    models.Operator("MINIMUM", (0, 1), (3,)),
                ],
                (0, 1),
                (2, 3),
            )
        ),
        "two",
    )
    device = start_device(board, builder.build(model), target)
    generator = np.random.default_rng(3)
    a, b = generator.normal(size=(2, 300)).astype(np.float32)
    inference = device.infer([a.tobytes(), b.tobytes()], 10)
    larger, smaller = (np.frombuffer(data, np.float32) for data in inference.outputs)
    assert np.array_equal(larger, np.maximum(a, b))
    assert np.array_equal(smaller, np.minimum(a, b))
    device.close()


@pytest.mark.parametrize("arena", ["dtcm", "all"])
def test_the_arena_may_lie_elsewhere(
    target: Target, builder: Builder, dense_model: ModelInfo, arena: str
) -> None:
    placed = target.model_copy(
        update={"placement": target.placement.model_copy(update={"arena": arena})}
    )
    image = replace(builder, target=placed).build(dense_model)
    board = EmulatedBoard(placed)
    device = start_device(board, image, placed)
    expected = (64 << 10) if arena == "dtcm" else (320 << 10)
    assert expected - 24_000 < device.arena.arena_bytes < expected - 16_384
    assert device.infer([np.ones(4, np.float32).tobytes()], 10).cycles > 0
    device.close()
    board.close()


def test_a_noisy_line_costs_time_not_truth(target: Target, dense_image: Image) -> None:
    board = EmulatedBoard(target, ("--flip-ppm", "300", "--drop-ppm", "200", "--seed", "5"))
    device = start_device(board, dense_image, target)
    generator = np.random.default_rng(1)
    weights = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
    for _ in range(150):
        x = generator.integers(-8, 8, 4).astype(np.float32)
        found = np.frombuffer(device.infer([x.tobytes()], 10).outputs[0], np.float32)
        assert found.tolist() == (weights @ x + np.arange(3)).tolist()
    assert device.client.retransmissions > 0
    device.close()
    board.close()


def test_a_paced_line_works_like_a_real_one(target: Target, dense_image: Image) -> None:
    board = EmulatedBoard(target, ("--paced",))
    device = start_device(board, dense_image, target)
    assert device.infer([np.ones(4, np.float32).tobytes()], 10).cycles > 0
    device.close()
    board.close()


def test_the_wrong_baud_rate_is_garbage(
    board: EmulatedBoard, dense_image: Image, target: Target
) -> None:
    board.flasher.program(dense_image.path)
    serial = target.serial.model_copy(update={"baud": 115_200})
    board._target = target.model_copy(update={"serial": serial})
    client = LinkClient(board.open_port())
    board.flasher.reset()
    with pytest.raises(LinkError) as caught:
        Device(client).hello(dense_image, target, timeout_s=0.5)
    assert "baud" in caught.value.hint or "port" in caught.value.hint
    client.close()


def test_a_board_killed_while_streaming_is_port_lost(device: Device, board: EmulatedBoard) -> None:
    os.kill(board.process.record.pid, signal.SIGKILL)
    with pytest.raises(PortLost):
        for _ in range(100):
            device.infer([np.ones(4, np.float32).tobytes()], 1)


def test_a_board_killed_before_hello_is_an_error_with_a_hint(
    board: EmulatedBoard, dense_image: Image, target: Target
) -> None:
    board.flasher.program(dense_image.path)
    os.kill(board.process.record.pid, signal.SIGKILL)
    with pytest.raises(BenchError) as caught:
        start_device(board, dense_image, target)
    assert caught.value.hint


def test_a_reset_in_between_is_noticed(device: Device, board: EmulatedBoard) -> None:
    board.flasher.reset()
    with pytest.raises(LinkError, match=r"restarted|not allocated"):
        device.infer([np.ones(4, np.float32).tobytes()], 2)


def test_a_sibling_board_is_emulated_too(tflm: TflmSource, dense_model: ModelInfo) -> None:
    nucleo = load_target("nucleo_f746zg", ROOT)
    image = Builder(nucleo, tflm).build(dense_model)
    board = EmulatedBoard(nucleo)
    device = start_device(board, image, nucleo)
    (output,) = device.infer([np.zeros(4, np.float32).tobytes()], 10).outputs
    assert np.frombuffer(output, np.float32).tolist() == [0, 1, 2]
    device.close()
    board.close()


def test_an_image_for_a_sibling_board_does_not_start(
    board: EmulatedBoard, target: Target, tflm: TflmSource, dense_model: ModelInfo
) -> None:
    """It waits for a clock that is fed in, and this board has a crystal."""
    nucleo = load_target("nucleo_f746zg", ROOT)
    image = Builder(nucleo, tflm).build(dense_model)
    board.flasher.program(image.path)
    client = LinkClient(board.open_port())
    board.flasher.reset()
    with pytest.raises(LinkTimeout, match="not one byte"):
        client.hello(1.0)
    client.close()


@contextmanager
def halted(board: EmulatedBoard, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The core under a debugger, which lets it run on at the end."""
    monkeypatch.setenv(BOARDS_DIR_VARIABLE, str(board._folder))
    here = Path.cwd()
    options = {"target_override": "stm32f746xg", "connect_mode": "attach"}
    probe = EmulatedProbe.get_probe_with_id(board.id)
    session = Session(probe, no_config=True, user_script=os.devnull, options=options)
    os.chdir(here)
    with session:
        session.target.halt()
        yield session.target
        session.target.resume()


def test_firmware_that_faults_tells_its_registers(
    board: EmulatedBoard, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    with halted(board, monkeypatch) as core:
        core.write_core_register("pc", 0x30000000)
    with pytest.raises(DeviceFault) as caught:
        device.infer([bytes(16)], 10)
    assert "at pc 0x30000000" in caught.value.message
    assert "IBUSERR" in caught.value.detail


def test_firmware_that_hangs_is_told_at_the_deadline(
    board: EmulatedBoard, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    itcm, endless_loop = 0x00000000, 0xE7FE
    with halted(board, monkeypatch) as core:
        core.write16(itcm, endless_loop)
        core.write_core_register("pc", itcm)
    with pytest.raises(LinkTimeout, match=r"no answer to Write") as caught:
        device.infer([bytes(16)], 1.0)
    assert "hangs" in caught.value.hint
