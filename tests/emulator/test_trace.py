"""Counting executions of blocks: exact, split at marks, and without an effect on the program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from hil.emulator.board import Board
from hil.emulator.core import StopReason
from hil.emulator.trace import HEADER, MAX_TRACE_MARKS, MAX_TRACED_BLOCKS, BlockTrace, unpack_trace
from hil.errors import BenchError
from hil.instruction_mix.code import ImageCode, read_code
from hil.instruction_mix.mix import OPERATOR_MARKS
from tests.emulator.programs import RUN_TIMEOUT_S, ProgramBoard, compile_program

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated]

TURNS = 100
PC, NOWHERE = 15, 0x30000000
RESULTS_IN_USE = 31  # results[31] says which exception nobody expected


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_program("tracing", tmp_path_factory.mktemp("tracing"))


@pytest.fixture(scope="module")
def code(elf: Path) -> ImageCode:
    return read_code(elf)


@pytest.fixture(params=[False, True], ids=["strict", "lenient"])
def program(elf: Path, request: pytest.FixtureRequest) -> Iterator[ProgramBoard]:
    board = ProgramBoard(elf, lenient=request.param)
    yield board
    board.close()


def run_to_the_end(board: Board) -> None:
    board.resume()
    assert board.wait_halted(RUN_TIMEOUT_S), "the program does not end"


def traced(program: ProgramBoard, *marks: int) -> BlockTrace:
    """The trace of the whole program, which must add up to the board's counter."""
    board = program.board
    board.reset(hold=True)
    before = board.control.instructions
    board.start_trace(marks)
    run_to_the_end(board)
    trace = unpack_trace(board.stop_trace())
    assert trace.instructions == board.control.instructions - before
    return trace


def wait_for_instructions(board: Board) -> bool:
    """Until it has executed some more; False when it has ended instead."""
    before = board.control.instructions
    deadline = monotonic() + RUN_TIMEOUT_S
    while board.control.instructions == before and not board.halted:
        assert monotonic() < deadline
        os.sched_yield()
    return bool(board.control.instructions > before)


def executions_at(trace: BlockTrace, address: int) -> int:
    return sum(block.executions for block in trace.blocks if block.address == address)


def test_a_traced_program_counts_and_computes_what_an_untraced_one_does(
    program: ProgramBoard,
) -> None:
    untraced = program.run()
    assert untraced[RESULTS_IN_USE] == 0
    traced(program)
    assert program.results() == untraced
    assert program.run() == untraced  # and so does one after it


@pytest.mark.parametrize("lenient", [False, True], ids=["strict", "lenient"])
@pytest.mark.parametrize(
    ("name", "defines"),
    [
        ("counting", ()),  # SysTick interrupts, WFI, a wrap of CYCCNT
        ("exceptions", ()),
        ("memory", ()),  # code in RAM that changes
        ("operands", ()),
        *(("faults", (f"FAULT={fault}",)) for fault in range(1, 20)),
        *(("strict", (f"MISTAKE={mistake}",)) for mistake in (0, 5)),
    ],
)
def test_blocks_add_up_to_the_instruction_counter_however_they_end(
    name: str, defines: tuple[str, ...], lenient: bool, tmp_path: Path
) -> None:
    program = ProgramBoard(compile_program(name, tmp_path, defines), lenient=lenient)
    untraced = program.run()
    traced(program)
    assert program.results() == untraced
    program.close()


def test_each_entry_to_a_mark_begins_a_segment(program: ProgramBoard, code: ImageCode) -> None:
    begin, end = code.addresses_of(OPERATOR_MARKS)
    trace = traced(program, begin, end)
    outer = [begin, end] * 5
    assert trace.marks == (None, *outer, begin, begin, end, end)
    for i, mark in enumerate(trace.marks):
        at_mark = [b for b in trace.blocks if b.segment == i and b.address in (begin, end)]
        assert [(b.address, b.executions) for b in at_mark] == ([(mark, 1)] if mark else [])


def test_a_segment_begins_once_where_the_first_instruction_is_left_and_entered_again(
    program: ProgramBoard, code: ImageCode
) -> None:
    """`leaf` begins with a VLDR, which a strict board leaves after its 64th check."""
    (leaf,) = code.addresses_of(["leaf"])
    trace = traced(program, leaf)
    assert trace.marks == (None, *[leaf] * TURNS)
    assert executions_at(trace, leaf) == TURNS


def test_an_odd_mark_is_the_thumb_code_there(program: ProgramBoard, code: ImageCode) -> None:
    (leaf,) = code.addresses_of(["leaf"])
    assert len(traced(program, leaf | 1).marks) == 1 + TURNS


def test_a_mark_that_is_not_executed_begins_nothing(program: ProgramBoard) -> None:
    assert traced(program, 0x08000000).marks == (None,)


def test_steps_breakpoints_and_halts_are_traced_too(program: ProgramBoard, code: ImageCode) -> None:
    board = program.board
    begin, end, leaf = code.addresses_of([*OPERATOR_MARKS, "leaf"])
    board.reset(hold=True)
    before = board.control.instructions
    board.start_trace([begin, end])
    board.set_breakpoints([leaf])
    for _ in range(3):
        board.resume()
        assert board.wait_halted(RUN_TIMEOUT_S)
        assert board.stop_reason is StopReason.BREAKPOINT
        board.set_breakpoints([])
        for _ in range(4):
            assert board.step(mask_interrupts=True) is StopReason.STEP
        board.set_breakpoints([leaf])
    board.set_breakpoints([])
    run_to_the_end(board)
    trace = unpack_trace(board.stop_trace())
    assert trace.instructions == board.control.instructions - before
    assert len(trace.marks) == 15
    assert executions_at(trace, leaf) == TURNS
    assert program.results()[RESULTS_IN_USE] == 0


def test_a_breakpoint_at_a_mark_begins_its_segment_once(
    program: ProgramBoard, code: ImageCode
) -> None:
    board = program.board
    (leaf,) = code.addresses_of(["leaf"])
    board.reset(hold=True)
    board.start_trace([leaf])
    board.set_breakpoints([leaf])
    run_to_the_end(board)
    board.set_breakpoints([])
    run_to_the_end(board)
    assert len(unpack_trace(board.stop_trace()).marks) == 1 + TURNS


def test_stepping_gives_the_same_mix_as_running(program: ProgramBoard, code: ImageCode) -> None:
    (leaf,) = code.addresses_of(["leaf"])
    marks = code.addresses_of(OPERATOR_MARKS)
    ran = traced(program, *marks)
    board = program.board
    board.reset(hold=True)
    board.start_trace(marks)
    while board.step(mask_interrupts=False) is StopReason.STEP:
        pass
    stepped = unpack_trace(board.stop_trace())
    assert stepped.marks == ran.marks
    assert stepped.instructions == ran.instructions
    assert executions_at(stepped, leaf) == executions_at(ran, leaf) == TURNS


def test_a_step_into_nowhere_executes_nothing(program: ProgramBoard) -> None:
    board = program.board
    board.reset(hold=True)
    board.start_trace([])
    board.write_core_register(PC, NOWHERE)
    board.step(mask_interrupts=True)
    trace = unpack_trace(board.stop_trace())
    assert (trace.instructions, trace.blocks) == (0, ())
    assert board.control.fault_pc == NOWHERE


def test_traces_start_and_stop_while_the_board_runs(tmp_path: Path) -> None:
    program = ProgramBoard(compile_program("counting", tmp_path))
    board = program.board
    untraced = program.run()
    program.start()
    for _ in range(20):
        before = board.control.instructions
        board.start_trace([])
        executed = wait_for_instructions(board)
        trace = unpack_trace(board.stop_trace())
        assert trace.instructions <= board.control.instructions - before
        assert trace.instructions > 0 or not executed
    assert board.wait_halted(RUN_TIMEOUT_S)
    assert board.stop_reason is StopReason.BREAKPOINT
    assert program.results()[4:9] == untraced[4:9]
    program.close()


def test_a_trace_that_was_left_running_is_thrown_away(program: ProgramBoard) -> None:
    board = program.board
    board.reset(hold=True)
    board.start_trace([])
    run_to_the_end(board)
    board.start_trace([])
    trace = unpack_trace(board.stop_trace())
    assert (trace.instructions, trace.blocks) == (0, ())


def test_stopping_needs_a_trace(program: ProgramBoard) -> None:
    with pytest.raises(BenchError, match="no trace is running"):
        program.board.stop_trace()
    program.board.start_trace([])
    program.board.stop_trace()
    with pytest.raises(BenchError, match="no trace is running"):
        program.board.stop_trace()


def test_as_many_marks_as_it_takes_and_no_more(program: ProgramBoard, code: ImageCode) -> None:
    (leaf,) = code.addresses_of(["leaf"])
    others = range(0x08080000, 0x08080000 + 2 * (MAX_TRACE_MARKS - 1), 2)
    assert len(traced(program, *others, leaf).marks) == 1 + TURNS
    with pytest.raises(BenchError, match="65 marks"):
        program.board.start_trace([*others, leaf, 0x08000000])
    with pytest.raises(BenchError, match="262145 blocks"):
        program.board.start_trace([], MAX_TRACED_BLOCKS + 1)


def test_a_trace_that_does_not_fit_is_refused_and_harms_nothing(
    program: ProgramBoard, code: ImageCode
) -> None:
    board = program.board
    untraced = program.run()
    for max_blocks in (0, 1, 20):
        board.reset(hold=True)
        board.start_trace(code.addresses_of(OPERATOR_MARKS), max_blocks)
        run_to_the_end(board)
        with pytest.raises(BenchError, match="not complete") as caught:
            unpack_trace(board.stop_trace())
        assert "one inference" in caught.value.hint
        assert program.results() == untraced


def test_a_trace_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(BenchError, match="adds up to 0 instructions, the board executed 7"):
        unpack_trace(HEADER.pack(7, 1, 0, 0) + bytes(4))


def test_a_board_that_locks_up_keeps_its_trace(tmp_path: Path) -> None:
    program = ProgramBoard(compile_program("faults", tmp_path, ["FAULT=8"]))
    assert traced(program).instructions > 0
    assert program.board.stop_reason is StopReason.LOCKUP
    program.close()


def test_a_trace_goes_on_through_a_reset(program: ProgramBoard, code: ImageCode) -> None:
    board = program.board
    (leaf,) = code.addresses_of(["leaf"])
    once = traced(program, leaf)
    board.reset(hold=True)
    board.start_trace([leaf])
    for _ in range(2):
        run_to_the_end(board)
        board.reset(hold=True)
    twice = unpack_trace(board.stop_trace())
    assert twice.instructions == 2 * once.instructions
    assert len(twice.marks) == 1 + 2 * TURNS
