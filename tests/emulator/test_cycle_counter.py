"""CYCCNT as a debugger sets it, and windows across its wrap."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.bench.emulated import EmulatedBoard
from hil.device import start_device
from hil.emulator.debug import DebugUnit
from hil.firmware.image import Image
from hil.instruction_mix.code import read_code
from hil.target import Target
from tests.emulator.cycle_counter import CYCCNT, WRAP, cycle_counter_preset
from tests.emulator.programs import RUN_TIMEOUT_S, ProgramBoard, compile_program

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated]

BEFORE_WRAP = 1000


def run_to_window(program: ProgramBoard, elf: Path) -> None:
    """Runs to where the counter has been started and will next be read."""
    program.board.reset(hold=True)
    program.board.set_breakpoints(read_code(elf).addresses_of(["before_window"]))
    program.board.resume()
    assert program.board.wait_halted(RUN_TIMEOUT_S)


def test_a_window_across_the_wrap_has_the_right_difference(tmp_path: Path) -> None:
    elf = compile_program("tracing", tmp_path)
    program = ProgramBoard(elf)
    board = program.board
    cycles, start, stop = program.run()[:3]
    assert start < stop
    run_to_window(program, elf)
    DebugUnit(board).write(CYCCNT, (WRAP - BEFORE_WRAP).to_bytes(4, "little"))
    board.set_breakpoints([])
    board.resume()
    assert board.wait_halted(RUN_TIMEOUT_S)
    wrapped, start, stop = program.results()[:3]
    assert start > WRAP - BEFORE_WRAP
    assert stop < cycles
    assert wrapped == cycles > BEFORE_WRAP
    program.close()


def test_a_debugger_sets_the_counter_of_a_core_that_runs(tmp_path: Path) -> None:
    elf = compile_program("tracing", tmp_path, ["FOREVER"])
    program = ProgramBoard(elf)
    unit = DebugUnit(program.board)
    run_to_window(program, elf)
    program.board.set_breakpoints([])
    program.board.resume()
    unit.write(CYCCNT, (WRAP // 2).to_bytes(4, "little"))
    assert not program.board.halted
    program.board.halt()
    assert int.from_bytes(unit.read(CYCCNT, 4), "little") >= WRAP // 2
    program.close()


def test_an_inference_across_the_wrap_costs_what_it_always_does(
    board: EmulatedBoard, dense_image: Image, target: Target
) -> None:
    (invoke,) = read_code(dense_image.path).addresses_of(["_ZN3hil12EngineInvokeEv"])
    device = start_device(board, dense_image, target)
    x = [bytes(16)]
    cycles = device.infer(x, 10).cycles
    with cycle_counter_preset(board.process.record, WRAP - cycles // 2, at=invoke):
        assert device.infer(x, 10).cycles == cycles
    assert device.infer(x, 10).cycles == cycles
    device.close()


def test_a_place_that_is_never_reached_is_an_error(board: EmulatedBoard) -> None:
    with (
        pytest.raises(TimeoutError, match="did not reach"),
        cycle_counter_preset(board.process.record, 0, at=0x08000100, timeout_s=0.1),
    ):
        pass
