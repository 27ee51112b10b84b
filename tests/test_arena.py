"""The smallest arena, found on the device."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import pytest

from hil.arena import STEP_BYTES, measure_arena, restarter
from hil.bench.emulated import EmulatedBoard
from hil.data import random_vectors
from hil.device import Device, Inference, start_device
from hil.errors import BenchError, DeviceFault, LinkError, LinkTimeout, UnsupportedModel
from hil.firmware.build import Builder
from hil.link.codes import AllocateStatus
from hil.link.messages import AllocateReply, MemoryReply
from hil.model.info import ModelInfo
from hil.target import Target

TIMEOUT_S = 10.0


class FakeDevice:
    """A model that needs `needs` bytes and reports `reports`; less ends as `failure` says."""

    def __init__(self, needs: int, reports: int, capacity: int, failure: str = "refuse") -> None:
        self.needs, self.reports, self.capacity, self.failure = needs, reports, capacity, failure
        self.size = capacity
        self.restarts = 0

    def memory(self, *, poison: bool = False) -> MemoryReply:
        writes_beyond = self.failure == "beyond" and self.size < self.needs
        return MemoryReply(self.size, 100, 4 * writes_beyond, 0, 0)

    def allocate(self, arena_bytes: int = 0) -> AllocateReply:
        self.size = arena_bytes or self.capacity
        if self.size < self.needs and self.failure == "refuse":
            raise UnsupportedModel("too small")
        return AllocateReply(AllocateStatus.OK, self.size, self.reports, 16, self.reports - 16)

    def infer(self, inputs: list[bytes], timeout_s: float, is_working: object) -> Inference:
        if self.size < self.needs and self.failure == "crash":
            raise DeviceFault("bus fault")
        if self.size < self.needs and self.failure == "line":
            raise LinkError("no undamaged answer")
        is_wrong = self.size < self.needs and self.failure == "outputs"
        return Inference((b"wrong" if is_wrong else b"right",), 10)

    def restart(self) -> None:
        self.restarts += 1


@pytest.mark.parametrize("failure", ["refuse", "crash", "outputs", "beyond"])
@pytest.mark.parametrize(
    ("needs", "reports"),
    [(1000, 1000), (1000, 400), (1000, 2000), (9, 9), (4096, 4000), (4000, 4000)],
)
def test_the_smallest_arena_that_works_is_found(needs: int, reports: int, failure: str) -> None:
    device = FakeDevice(needs, reports, 4096, failure)
    truth = measure_arena(device, [[b""]], 1, device.restart)  # type: ignore[arg-type]
    assert truth.minimum_bytes == -(-needs // STEP_BYTES) * STEP_BYTES
    assert truth.used_bytes == reports
    assert truth.allocations <= 20
    assert (device.restarts > 0) == (failure == "crash" and needs > STEP_BYTES)
    assert device.size == 4096  # as it was found
    assert truth.stack_bytes is None


def test_a_damaged_line_is_no_small_arena() -> None:
    device = FakeDevice(1000, 1000, 4096, "line")
    with pytest.raises(LinkError, match="no undamaged answer"):
        measure_arena(device, [[b""]], 1, device.restart)  # type: ignore[arg-type]


def test_a_board_that_does_not_come_back_is_an_error() -> None:
    def greet() -> None:
        raise LinkTimeout("silence")

    with pytest.raises(BenchError, match="does not come back after a crash"):
        restarter(lambda: None, greet)()


@pytest.mark.emulated
@pytest.mark.toolchain
class TestOnTheEmulatedBoard:
    @pytest.fixture
    def device(
        self, board: EmulatedBoard, builder: Builder, digits_int8: ModelInfo, target: Target
    ) -> Iterator[Device]:
        started = start_device(board, builder.build(digits_int8), target)
        yield started
        started.close()

    def test_the_model_runs_in_it_and_in_nothing_smaller(
        self, device: Device, digits_int8: ModelInfo
    ) -> None:
        inputs = random_vectors(digits_int8, 1, 0).input_bytes(0)
        expected = device.infer(inputs, TIMEOUT_S).outputs
        start = perf_counter()
        truth = measure_arena(device, [inputs], TIMEOUT_S, lambda: None)
        assert perf_counter() - start < 30
        assert truth.allocations <= 20
        device.allocate(truth.minimum_bytes)
        assert device.infer(inputs, TIMEOUT_S).outputs == expected
        with pytest.raises(UnsupportedModel):
            device.allocate(truth.minimum_bytes - STEP_BYTES)
        assert truth.touched_after_inference_bytes >= truth.touched_after_allocate_bytes > 0
        assert truth.stack_bytes == 16384
        assert truth.stack_used_bytes is not None
        assert 200 < truth.stack_used_bytes < 4096

    def test_poison_takes_the_interpreter_away(self, device: Device) -> None:
        assert device.memory(poison=True).arena_bytes == 0
        assert device.memory().beyond_touched_bytes == 0
        allocated = device.allocate()
        assert device.memory().arena_bytes == allocated.arena_bytes
        assert device.memory().arena_touched_bytes > 0
