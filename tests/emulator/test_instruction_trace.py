"""Tracing a board in its own process, over its debug socket."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from hil.bench.emulated import STOP_TIMEOUT_S, BoardProcess, EmulatedBoard, board_arguments
from hil.bench.named import NamedBoard
from hil.device import start_device
from hil.emulator.connection import Connection
from hil.emulator.protocol import BOARDS_DIR_VARIABLE, Op, ReplyStatus
from hil.emulator.trace import MAX_TRACE_MARKS
from hil.errors import BenchError, DeviceFault
from hil.firmware.image import Image
from hil.instruction_mix.code import read_code
from hil.target import Target
from tests.emulator.debug_port import debug_port

pytestmark = pytest.mark.emulated

NOWHERE = 0x30000000


def test_there_is_no_result_before_the_end(board: EmulatedBoard) -> None:
    with board.instruction_trace([]) as trace, pytest.raises(BenchError, match="has not ended"):
        assert trace.result
    assert trace.result.marks == (None,)


def test_one_trace_after_the_other(board: EmulatedBoard) -> None:
    trace = board.instruction_trace([])
    for _ in range(2):
        with trace:
            pass
        assert trace.result.instructions == sum(
            block.instructions * block.executions for block in trace.result.blocks
        )


def test_an_error_within_ends_the_trace_and_is_what_the_caller_sees(board: EmulatedBoard) -> None:
    trace = board.instruction_trace([])
    with pytest.raises(KeyError, match="mine"), trace:
        raise KeyError("mine")
    with pytest.raises(BenchError, match="has not ended"):
        assert trace.result
    connection = Connection(board.process.record)
    status, reason = connection.request(Op.TRACE_STOP)
    assert (status, reason) == (
        ReplyStatus.FAILED,
        b"no trace is running on the emulated board",
    )
    connection.close()


def test_too_many_marks_are_refused(board: EmulatedBoard) -> None:
    trace = board.instruction_trace(range(0x08000000, 0x08000000 + 2 * MAX_TRACE_MARKS + 2, 2))
    with pytest.raises(BenchError, match=f"at most {MAX_TRACE_MARKS}") as caught, trace:
        pass
    assert caught.value.board == board.id


def test_a_board_process_that_dies_while_tracing_is_gone(board: EmulatedBoard) -> None:
    trace = board.instruction_trace([])
    with pytest.raises(BenchError, match="is gone"), trace:
        os.kill(board.process.pid, signal.SIGKILL)
        board.process._process.wait(STOP_TIMEOUT_S)
    with pytest.raises(BenchError, match="is gone"), trace:
        pass


@pytest.mark.toolchain
def test_firmware_that_crashes_while_it_is_traced_is_traced_to_there(
    board: EmulatedBoard, dense_image: Image, target: Target
) -> None:
    marks = read_code(dense_image.path).addresses_of(["fault_handler"])
    device = start_device(board, dense_image, target)
    with board.instruction_trace(marks) as trace, pytest.raises(DeviceFault):
        with debug_port(board.process.record) as port:
            port.halt()
            port.jump(NOWHERE)
            port.resume()
        device.infer([bytes(16)], 10)
    assert len(trace.result.marks) == 2
    device.close()


def test_a_named_board_is_traced_if_it_is_emulated(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BOARDS_DIR_VARIABLE, str(tmp_path))
    process = BoardProcess(board_arguments(target, "emu-traced"))
    board = NamedBoard(target, "emu-traced", process.record.port)
    trace = board.instruction_trace([])
    assert trace is not None
    with trace:
        pass
    assert trace.result.marks == (None,)
    board.close()
    process.close()


@pytest.mark.parametrize("probe_id", ["0669FF", "emu-long-gone"])
def test_other_named_boards_are_not(probe_id: str, target: Target) -> None:
    assert NamedBoard(target, probe_id, "/dev/ttyACM0").instruction_trace([]) is None
