"""The emulated chip against what the architecture says, by small programs that run on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.emulator.core import StopReason
from tests.emulator.programs import ProgramBoard, compile_program, run_program

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated]

PRECISERR_AND_BFAR = 0x8200
NOCP, UNALIGNED, DIVBYZERO = 1 << 19, 1 << 24, 1 << 25
FORCED = 1 << 30
HARD_FAULT, BUS_FAULT = 3, 5


def test_exceptions_and_priorities(tmp_path: Path) -> None:
    results = run_program("exceptions", tmp_path)
    assert results[31] == 0
    assert results[0] == 42
    assert results[1] == 1000
    assert results[2] == 0xACBD  # preempted
    assert results[3] == 0xABCD  # waited
    assert results[4] == 0xDACB  # masked, then by priority
    assert results[5] == 0x5
    assert results[6] == 1  # floating-point registers survive exceptions
    assert results[7] == 1  # disabled: pending, not taken


@pytest.mark.parametrize(
    ("fault", "cfsr", "hfsr", "exception"),
    [
        pytest.param(1, PRECISERR_AND_BFAR, FORCED, HARD_FAULT, id="load from nowhere"),
        pytest.param(2, PRECISERR_AND_BFAR, FORCED, HARD_FAULT, id="store to nowhere"),
        pytest.param(3, 1 << 16, FORCED, HARD_FAULT, id="undefined instruction"),
        pytest.param(4, 1 << 17, FORCED, HARD_FAULT, id="not Thumb code"),
        pytest.param(5, 1 << 8, FORCED, HARD_FAULT, id="jump to nowhere"),
        pytest.param(6, None, FORCED, HARD_FAULT, id="stack overflow"),
        pytest.param(7, PRECISERR_AND_BFAR, 0, BUS_FAULT, id="enabled BusFault"),
        pytest.param(10, 1 << 0, FORCED, HARD_FAULT, id="execute-never"),
        pytest.param(11, PRECISERR_AND_BFAR, FORCED, HARD_FAULT, id="gap between peripherals"),
        pytest.param(12, NOCP, FORCED, HARD_FAULT, id="FPU not enabled"),
        pytest.param(13, DIVBYZERO, FORCED, HARD_FAULT, id="division by zero, trapped"),
        pytest.param(14, UNALIGNED, FORCED, HARD_FAULT, id="unaligned LDRD"),
        pytest.param(15, UNALIGNED, FORCED, HARD_FAULT, id="unaligned LDM"),
        pytest.param(16, UNALIGNED, FORCED, HARD_FAULT, id="unaligned VLDR"),
        pytest.param(17, UNALIGNED, FORCED, HARD_FAULT, id="unaligned LDR, trapped"),
        pytest.param(18, UNALIGNED, FORCED, HARD_FAULT, id="unaligned STRH, trapped"),
        pytest.param(19, UNALIGNED, FORCED, HARD_FAULT, id="unaligned LDREX"),
    ],
)
def test_faults(fault: int, cfsr: int | None, hfsr: int, exception: int, tmp_path: Path) -> None:
    results = run_program("faults", tmp_path, [f"FAULT={fault}"])
    assert results[5] == 0x600D
    assert results[8] == 0
    if cfsr is not None:
        assert results[0] == cfsr
    else:
        assert results[0] & 1 << 12  # STKERR: the frame could not be written
    assert results[1] == hfsr
    assert results[4] == exception
    if fault == 6:
        assert results[2] < 0x20000000  # the stack grew out of RAM
    elif results[0] & 1 << 15:
        assert results[2] in (0x30000000, 0x70000000, 0x40002400)
    if fault in (1, 2, 3, 7) or fault > 10:
        assert 0x08000000 < results[3] < 0x08010000  # the faulting instruction itself


@pytest.mark.parametrize("fault", [8, 9])
def test_a_fault_at_hard_fault_priority_locks_up_and_reset_recovers(
    fault: int, tmp_path: Path
) -> None:
    program = ProgramBoard(compile_program("faults", tmp_path, [f"FAULT={fault}"]))
    program.run()
    assert program.board.stop_reason is StopReason.LOCKUP
    assert program.board.control.locked_up
    program.start()
    assert program.board.wait_halted(10)
    program.close()


def test_a_breakpoint_without_debugger_is_a_hard_fault(tmp_path: Path) -> None:
    program = ProgramBoard(compile_program("memory", tmp_path))
    program.board.control.debug_enabled = 0
    program.start()
    assert program.board.wait_halted(10)  # BKPT in the handler at HardFault priority: lockup
    assert program.board.stop_reason is StopReason.LOCKUP
    assert program.board.control.fault_hfsr >> 31 == 1
    program.close()


def test_counting_is_exact_and_needs_to_be_switched_on(tmp_path: Path) -> None:
    results = run_program("counting", tmp_path)
    assert results[31] == 0
    assert results[0] == results[1] == results[2] == results[3] == 0
    assert results[4] == 1  # two reads in a row
    assert results[5] == 4
    # Call, movs, 100 turns of two, return, and the instructions around the reads.
    assert 200 <= results[6] - 2 <= 208
    assert 600 <= results[7] - 2 <= 608  # skipped instructions of IT blocks count
    assert results[11] == results[10] // 10_000 > 0
    assert results[12] == 1
    assert results[13] == 3
    assert results[14] == 1


def test_twenty_fresh_boards_count_the_same(tmp_path: Path) -> None:
    elf = compile_program("counting", tmp_path)
    counts = set()
    for _ in range(20):
        program = ProgramBoard(elf)
        results = program.run()
        counts.add(tuple(results[4:12]))
        program.close()
    assert len(counts) == 1


def test_code_in_ram_may_change(tmp_path: Path) -> None:
    results = run_program("memory", tmp_path)
    assert results[31] == 0
    assert results[0] != 0  # RAM holds noise after power-on
    assert results[1] == sum(range(1, 1001))
    assert (results[2], results[3]) == (5, 9)
    assert results[4] == sum(range(7, 1007))
    assert results[5] == sum(range(100))
    assert results[6] == sum(range(1, 1001))
    assert results[7] == 0x56
    assert results[8] == 0xABCD5678
    assert results[9] == 1


def test_peripherals_are_those_of_the_chip(tmp_path: Path) -> None:
    results = run_program("peripherals", tmp_path)
    assert results[0] >> 2 & 1  # PINRSTF: the test resets by pin
    assert results[1] == 0
    assert results[2] == 0x12345678
    assert results[3] == 0x3  # HSION, HSIRDY
    assert results[4] == 0  # the PLL does not lock without its source
    assert results[5] == 3
    assert results[6] == 2
    assert results[7] == 1
    assert results[8] == 3
    assert results[9] == results[10] == 1 << 31
    assert results[11] == 0x00500000
    assert results[12] == 0x449
    assert results[13] == 1024


def test_ram_noise_is_the_same_on_every_board(tmp_path: Path) -> None:
    elf = compile_program("memory", tmp_path)
    seen = set()
    for _ in range(2):
        program = ProgramBoard(elf)
        seen.add(program.board.read(0x20020000, 256))
        program.close()
    assert len(seen) == 1


def test_halt_and_resume_while_running(tmp_path: Path) -> None:
    program = ProgramBoard(compile_program("counting", tmp_path))
    program.board.reset()
    for _ in range(50):
        program.board.halt()
        assert program.board.halted
        if program.board.stop_reason is StopReason.BREAKPOINT:
            break
        program.board.resume()
    assert program.board.wait_halted(10)
    assert program.results()[4] == 1  # halting in between does not change what is counted
    program.close()


def test_stepping_executes_one_instruction_each(tmp_path: Path) -> None:
    program = ProgramBoard(compile_program("counting", tmp_path))
    board = program.board
    board.reset(hold=True)
    before = board.control.instructions
    addresses = []
    for _ in range(30):
        board.step(mask_interrupts=True)
        addresses.append(board.read_core_register(15))
    assert board.control.instructions - before == 30
    assert len(set(addresses)) > 5
    board.resume()
    assert board.wait_halted(10)
    assert program.results()[4] == 1
    program.close()


def test_a_breakpoint_in_flash_stops_there(tmp_path: Path) -> None:
    program = ProgramBoard(compile_program("counting", tmp_path))
    board = program.board
    board.reset(hold=True)
    entry = board.read_core_register(15)
    for _ in range(4):
        board.step(mask_interrupts=True)
    place = board.read_core_register(15)
    board.reset(hold=True)
    assert board.read_core_register(15) == entry
    board.set_breakpoints([place])
    board.resume()
    assert board.wait_halted(5)
    assert board.read_core_register(15) == place
    assert board.stop_reason is StopReason.BREAKPOINT
    board.set_breakpoints([])
    board.resume()
    assert board.wait_halted(10)
    assert program.results()[4] == 1
    program.close()


def test_operands_trap_only_when_asked_for(tmp_path: Path) -> None:
    results = run_program("operands", tmp_path)
    assert results[31] == 0
    assert (results[0], results[1]) == (0, 0x05040302)
    assert results[2:5] == [7, 99, 21]
    assert results[5] == 0x08070605
    assert results[6] == 0x04030201 ^ 0x08070605
    assert (results[7], results[8]) == (0, 0x05040302)
    assert results[9] == 200 * 36


@pytest.mark.parametrize(
    ("mistake", "reason"),
    [
        (0, ""),
        (1, "a core clock of 216 MHz needs 7 flash wait states, FLASH_ACR.LATENCY is 6"),
        (2, "a core clock of 216 MHz needs overdrive (PWR_CR1.ODEN and ODSWEN)"),
        (3, "an APB1 clock of 108 MHz: the chip goes to 54 MHz (RCC_CFGR.PPRE1)"),
        (4, "the PLL's input is 2.5 MHz, not 1 to 2 MHz (RCC_PLLCFGR.PLLM)"),
        (5, "the instruction cache is enabled without having been invalidated (ICIALLU)"),
        (6, "the data cache is enabled without all its lines having been invalidated (DCISW)"),
        (7, "the MPU is enabled, and this board does not model it: its regions would be ignored"),
    ],
)
def test_what_silicon_punishes_stops_the_board(mistake: int, reason: str, tmp_path: Path) -> None:
    elf = compile_program("strict", tmp_path, [f"MISTAKE={mistake}"])
    said: list[str] = []
    program = ProgramBoard(elf)
    program.board.on_refusal = said.append
    results = program.run()
    assert program.board.refusal == reason
    assert said == ([reason] if reason else [])
    assert results[0] == (not reason)
    program.close()


@pytest.mark.parametrize("mistake", [1, 6, 7])
def test_a_lenient_board_forgives(mistake: int, tmp_path: Path) -> None:
    elf = compile_program("strict", tmp_path, [f"MISTAKE={mistake}"])
    program = ProgramBoard(elf, lenient=True)
    assert program.run()[0] == 1
    assert program.board.refusal == ""
    program.close()


def test_a_lenient_board_has_no_gaps_between_peripherals(tmp_path: Path) -> None:
    program = ProgramBoard(compile_program("faults", tmp_path, ["FAULT=11"]), lenient=True)
    assert program.run()[8] == 0xBAD  # went on
    program.close()


def test_stepping_goes_on_where_a_guard_makes_its_last_check(tmp_path: Path) -> None:
    """The program loads floats 1,600 times; each step must execute one instruction of it."""
    program = ProgramBoard(compile_program("operands", tmp_path))
    board = program.board
    board.reset(hold=True)
    stuck = 0
    place = board.read_core_register(15)
    for _ in range(2500):
        if board.step(mask_interrupts=True) is not StopReason.STEP:
            break
        stuck += (now := board.read_core_register(15)) == place
        place = now
    assert stuck == 0
    program.close()
