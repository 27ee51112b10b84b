"""A board that is unfit is told so before any figure of it is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.bench.emulated import EmulatedBoard
from hil.device import start_device
from hil.errors import BenchError
from hil.firmware.image import Image
from hil.link.messages import SanityReply
from hil.sanity import KERNEL_RESULT, Sanity, check_sanity
from hil.target import Target
from hil.vocab import Kind

FIT = SanityReply(
    spun_cycles=0,
    empty_window_cycles=3,
    kernel_cycles=32_778,
    kernel_result=KERNEL_RESULT,
    caches=3,
    flash_wait_states=7,
    core_clock_hz=216_000_000,
)


class FakeBoard:
    """A board whose counter runs at `rate` of the clock by the host's time, or by instructions."""

    def __init__(self, kind: Kind, rate: float = 1.0, *, counts: bool = True) -> None:
        self.kind = kind
        self.rate = rate
        self.counts = counts
        self.now_s = 100.0
        self.executed = 5_000_000
        self.delays_s: list[float] = []

    def executed_instructions(self) -> int | None:
        is_known = self.kind is Kind.EMULATED and self.counts
        return self.executed if is_known else None


class FakeDevice:
    def __init__(self, board: FakeBoard, reply: SanityReply = FIT, *, stuck: bool = False) -> None:
        self.board, self.reply, self.stuck = board, reply, stuck

    def sanity(self, spin_cycles: int, timeout_s: float) -> SanityReply:
        delay_s = self.board.delays_s.pop(0) if self.board.delays_s else 0.003
        self.board.now_s += delay_s + spin_cycles / 216e6 / self.board.rate
        self.board.executed += 40_000 + int(spin_cycles / self.board.rate)
        return replace(self.reply, spun_cycles=0 if self.stuck else spin_cycles + 6)


def check(board: FakeBoard, device: FakeDevice, target: Target) -> Sanity:
    return check_sanity(device, board, target, lambda: board.now_s)  # type: ignore[arg-type]


def test_a_fit_board_tells_its_setting(target: Target) -> None:
    board = FakeBoard(Kind.HARDWARE)
    found = check(board, FakeDevice(board), target)
    assert (found.empty_window_cycles, found.fixed_kernel_cycles) == (3, 32_778)
    assert found.caches == ("instruction", "data")
    assert found.counter_rate_hz == pytest.approx(216e6, rel=1e-3)


def test_a_busy_host_is_no_wrong_counter(target: Target) -> None:
    board = FakeBoard(Kind.HARDWARE)
    board.delays_s = [0.003, 0.020, 0.012, 1.003, 0.003, 0.004]
    found = check(board, FakeDevice(board), target)
    assert found.counter_rate_hz == pytest.approx(216e6, rel=0.05)


def test_an_emulated_board_has_no_rate(target: Target) -> None:
    for board in (FakeBoard(Kind.EMULATED), FakeBoard(Kind.EMULATED, counts=False)):
        found = check(board, FakeDevice(board), target)
        assert found.counter_rate_hz is None


@pytest.mark.parametrize("rate", [0.5, 0.9, 1.1, 2.0])
def test_a_counter_that_runs_wrong_is_unfit(rate: float, target: Target) -> None:
    board = FakeBoard(Kind.HARDWARE, rate)
    with pytest.raises(BenchError, match=r"counter runs at .* MHz by this host's clock"):
        check(board, FakeDevice(board), target)
    board = FakeBoard(Kind.EMULATED, rate)
    with pytest.raises(BenchError, match="while it executed"):
        check(board, FakeDevice(board), target)


def test_a_counter_that_stands_still_is_unfit(target: Target) -> None:
    board = FakeBoard(Kind.HARDWARE)
    with pytest.raises(BenchError, match="advanced by 0 instead of"):
        check(board, FakeDevice(board, stuck=True), target)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kernel_result": 1}, "fixed integer computation gave 1"),
        ({"caches": 1}, "its caches are instruction, the target file says instruction and data"),
        ({"caches": 0}, "its caches are off"),
        ({"flash_wait_states": 5}, "its flash waits 5 states, not 7"),
        ({"core_clock_hz": 16_000_000}, "its core runs at 16,000,000 Hz, not 216,000,000"),
    ],
)
def test_another_setting_is_unfit(change: dict[str, int], words: str, target: Target) -> None:
    board = FakeBoard(Kind.HARDWARE)
    device = FakeDevice(board, replace(FIT, **change))
    with pytest.raises(BenchError, match=words) as caught:
        check(board, device, target)
    assert "unfit to be measured" in str(caught.value)


@pytest.mark.emulated
@pytest.mark.toolchain
def test_the_emulated_board_is_fit_and_always_the_same(
    board: EmulatedBoard, dense_image: Image, target: Target
) -> None:
    device = start_device(board, dense_image, target)
    try:
        found = {check_sanity(device, board, target) for _ in range(3)}
    finally:
        device.close()
    assert len(found) == 1
    assert found.pop().core_clock_hz == 216_000_000
