"""The emulated board through unmodified pyOCD."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyocd.core import exceptions
from pyocd.core.session import Session
from pyocd.core.target import Target
from pyocd.flash.file_programmer import FileProgrammer
from pyocd.probe.aggregator import DebugProbeAggregator

from hil.bench.emulated import BoardProcess, board_arguments
from hil.emulator.probe import EmulatedProbe, running_boards
from hil.emulator.protocol import BOARDS_DIR_VARIABLE
from hil.firmware.image import Image
from hil.target import Target as HilTarget

pytestmark = [pytest.mark.emulated]

RAM = 0x20010000
OPTIONS = {
    "target_override": "stm32f746xg",
    "hide_programming_progress": True,
    "reset.post_delay": 0,
}


@pytest.fixture
def process(
    target: HilTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BoardProcess]:
    monkeypatch.setenv(BOARDS_DIR_VARIABLE, str(tmp_path))
    board = BoardProcess(board_arguments(target, "emu-test"))
    assert board.record.probe_id == "emu-test"
    yield board
    board.close()


@contextmanager
def session_with(probe: Any) -> Iterator[Session]:
    here = Path.cwd()
    session = Session(probe, no_config=True, user_script=os.devnull, options=OPTIONS)
    os.chdir(here)  # a Session changes the working folder
    session.open()
    try:
        yield session
    finally:
        session.close()


@pytest.fixture
def core(process: BoardProcess) -> Iterator[Any]:
    with session_with(EmulatedProbe.get_probe_with_id("emu-test")) as session:
        yield session.target


def test_pyocd_finds_the_board_by_itself(process: BoardProcess) -> None:
    found = DebugProbeAggregator.get_all_connected_probes()
    assert [probe.unique_id for probe in found] == ["emu-test"]
    assert found[0].product_name == "emulated stm32f746"


def test_the_chip_is_the_targets(core: Any, target: HilTarget) -> None:
    chip_id = target.mcu.chip_id
    assert core.read32(chip_id.address) & chip_id.mask == chip_id.value


def test_halt_step_resume(core: Any) -> None:
    core.reset_and_halt()
    assert core.get_state() == Target.State.HALTED
    core.write_memory_block32(RAM, [0xBF00BF00, 0xE7FCBF00])  # nop, nop, nop, branch back
    core.write_core_register("pc", RAM)
    core.step()
    assert core.read_core_register("pc") == RAM + 2
    core.resume()
    assert core.get_state() == Target.State.RUNNING
    core.halt()
    assert RAM <= core.read_core_register("pc") <= RAM + 6


def test_registers_of_core_and_fpu(core: Any) -> None:
    core.reset_and_halt()
    for name, value in (("r0", 0x11111111), ("r12", 0x22222222), ("lr", 0x33333333)):
        core.write_core_register(name, value)
        assert core.read_core_register(name) == value
    core.write_core_register("s5", 1.5)
    assert core.read_core_register("s5") == 1.5


@pytest.mark.parametrize("kind", [Target.BreakpointType.HW, Target.BreakpointType.SW])
def test_breakpoints_in_ram(core: Any, kind: Target.BreakpointType) -> None:
    core.reset_and_halt()
    core.write_memory_block32(RAM, [0xBF00BF00, 0xBF00BF00, 0xE7FABF00])
    core.set_breakpoint(RAM + 6, kind)
    core.write_core_register("pc", RAM)
    core.resume()
    core.session.probe.flush()
    while core.get_state() != Target.State.HALTED:
        pass
    assert core.read_core_register("pc") == RAM + 6
    core.remove_breakpoint(RAM + 6)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_memory_in_every_width(core: Any, size: int) -> None:
    core.reset_and_halt()
    value = 0x89ABCDEF & ((1 << size) - 1)
    core.write_memory(RAM + 4, value, size)
    assert core.read_memory(RAM + 4, size) == value


def test_unaligned_blocks(core: Any) -> None:
    core.reset_and_halt()
    core.write_memory_block8(RAM + 1, list(range(50)))
    assert list(core.read_memory_block8(RAM + 1, 50)) == list(range(50))


def test_memory_that_is_not_there_is_a_transfer_fault(core: Any) -> None:
    with pytest.raises(exceptions.TransferFaultError):
        core.read32(0x30000000)


def test_a_write_to_flash_without_its_controller_changes_nothing(core: Any) -> None:
    core.reset_and_halt()
    before = core.read32(0x08000000)
    core.write32(0x08000000, 0x12345678)
    assert core.read32(0x08000000) == before


@pytest.mark.toolchain
@pytest.mark.parametrize("block_transfers", [True, False], ids=["blocks", "registers"])
def test_the_f7_algorithm_programs_flash(
    process: BoardProcess, dense_image: Image, block_transfers: bool
) -> None:
    probe = EmulatedProbe.get_probe_with_id("emu-test")
    assert isinstance(probe, EmulatedProbe)
    probe.block_transfers = block_transfers
    with session_with(probe) as session:
        core = session.target
        core.reset_and_halt()
        programmer = FileProgrammer(session)
        programmer.add_file(str(dense_image.path), file_format="elf")
        programmer.commit()
        head = bytes(core.read_memory_block8(0x08000000, 8))
    assert head[7] == 0x08  # the reset handler is in flash
    assert head[:4] != b"\xff" * 4


def test_two_probes_at_once(process: BoardProcess) -> None:
    first = EmulatedProbe.get_probe_with_id("emu-test")
    second = EmulatedProbe.get_probe_with_id("emu-test")
    with session_with(first) as one, session_with(second) as two:
        one.target.reset_and_halt()
        one.target.write32(RAM, 0xCAFE)
        assert two.target.read32(RAM) == 0xCAFE


def test_a_killed_board_is_a_disconnected_probe(process: BoardProcess) -> None:
    probe = EmulatedProbe.get_probe_with_id("emu-test")
    assert isinstance(probe, EmulatedProbe)
    probe.open()
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(exceptions.ProbeDisconnected):
        for _ in range(100):
            probe.reset()
    probe.close()


def test_boards_that_died_are_not_listed(process: BoardProcess, tmp_path: Path) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.close()
    assert running_boards() == []
    assert list(tmp_path.glob("*.json")) == []
