"""The emulated serial port: each step of its set-up left out shows as it would on the chip."""

from __future__ import annotations

from pathlib import Path

import pytest
import serial

from tests.emulator.programs import ProgramBoard, compile_program

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated]

BAUD = 115_200
REPLY_TIMEOUT_S = 0.5
NOTHING, USART_CLOCK, GPIO_CLOCK, TX_PIN, RX_PIN, UE, TE, RE, WRONG_BAUD, WRONG_FUNCTION = range(10)


def echo(program: ProgramBoard, sent: bytes, baud: int = BAUD) -> bytes:
    """What comes back for `sent`, the greeting first."""
    with serial.Serial(program.port, baud, timeout=REPLY_TIMEOUT_S) as port:
        program.start()
        greeting = port.read(1)
        port.write(sent)
        answer: bytes = greeting + port.read(len(sent))
        return answer


def program_without(step: int, folder: Path, *defines: str) -> ProgramBoard:
    return ProgramBoard(compile_program("serial", folder, [f"OMIT={step}", *defines]))


def test_bytes_pass_when_all_is_set_up(tmp_path: Path) -> None:
    program = program_without(NOTHING, tmp_path)
    assert echo(program, b"aceg") == b"!`bdf"
    program.close()


@pytest.mark.parametrize("step", [USART_CLOCK, GPIO_CLOCK, TX_PIN, UE, TE, WRONG_FUNCTION])
def test_nothing_is_sent_without(step: int, tmp_path: Path) -> None:
    program = program_without(step, tmp_path)
    assert echo(program, b"ac") == b""
    program.close()


@pytest.mark.parametrize("step", [RX_PIN, RE])
def test_nothing_is_received_without(step: int, tmp_path: Path) -> None:
    program = program_without(step, tmp_path)
    assert echo(program, b"ac") == b"!"
    assert program.results()[0] == 0
    program.close()


@pytest.mark.parametrize(
    ("step", "host_baud"), [(WRONG_BAUD, BAUD), (NOTHING, BAUD * 105 // 100)], ids=["chip", "host"]
)
def test_another_baud_rate_is_garbage_both_ways(step: int, host_baud: int, tmp_path: Path) -> None:
    program = program_without(step, tmp_path)
    answer = echo(program, bytes([0x55]) * 32, host_baud)
    assert len(answer) > 1  # something comes
    assert answer != b"!" + bytes([0x54]) * 32
    program.close()


def test_a_baud_rate_within_two_percent_passes(tmp_path: Path) -> None:
    program = program_without(NOTHING, tmp_path)
    assert echo(program, b"ac", BAUD * 101 // 100) == b"!`b"
    program.close()


def test_on_a_line_of_finite_speed_a_late_receiver_overruns(tmp_path: Path) -> None:
    program = program_without(NOTHING, tmp_path, "DAWDLE")
    program.board.control.line_paced = 1
    answer = echo(program, b"a" * 64)
    received, overruns = program.results()[:2]
    assert 0 < received < 64
    assert overruns > 0
    assert len(answer) == 1 + received
    program.close()


def test_on_a_line_of_finite_speed_a_prompt_receiver_loses_nothing(tmp_path: Path) -> None:
    program = program_without(NOTHING, tmp_path)
    program.board.control.line_paced = 1
    assert echo(program, b"ac" * 32) == b"!" + b"`b" * 32
    assert program.results()[1] == 0
    program.close()


def test_bytes_before_the_receiver_is_on_are_lost(tmp_path: Path) -> None:
    program = program_without(NOTHING, tmp_path)
    with serial.Serial(program.port, BAUD, timeout=REPLY_TIMEOUT_S) as port:
        port.write(b"early")
        port.flush()
        program.start()
        assert port.read(1) == b"!"
        port.write(b"a")
        assert port.read(8) == b"`"
    program.close()
