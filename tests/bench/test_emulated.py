from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hil.bench.emulated import BoardProcess, EmulatedBoard, board_arguments
from hil.emulator import core as core_module
from hil.emulator.protocol import BOARDS_DIR_VARIABLE
from hil.errors import BenchError
from hil.link.client import LinkClient
from hil.target import Target
from hil.vocab import Kind

pytestmark = pytest.mark.emulated


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().split(") ")[1][0] != "Z"


def wait_until_dead(pid: int, timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        os.sched_yield()
    return True


def test_a_board_has_an_identity_of_its_own(target: Target) -> None:
    boards = [EmulatedBoard(target) for _ in range(2)]
    assert boards[0].id != boards[1].id
    assert boards[0].id.startswith(f"emu-stm32f746-{os.getpid()}-")
    assert boards[0].kind is Kind.EMULATED
    for board in boards:
        board.close()


def test_closing_ends_the_process_and_leaves_nothing(target: Target) -> None:
    board = EmulatedBoard(target)
    record = board.process.record
    assert Path(record.socket).exists()
    board.close()
    assert wait_until_dead(record.pid)
    assert not Path(record.socket).parent.exists()


def test_a_board_ends_when_its_owner_is_killed(target: Target, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from hil.bench.emulated import BoardProcess, board_arguments\n"
        "from hil.target import load_target\n"
        "board = BoardProcess(board_arguments(load_target('stm32f746'), 'emu-orphan'))\n"
        "print(board.record.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {BOARDS_DIR_VARIABLE: str(tmp_path)},
        cwd=Path(__file__).parents[2],
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert is_alive(pid)
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert wait_until_dead(pid)
    assert list(tmp_path.glob("*.json")) == []


def test_an_empty_board_is_silent(target: Target) -> None:
    board = EmulatedBoard(target)
    client = LinkClient(board.open_port())
    with pytest.raises(Exception, match="not one byte"):
        client.hello(0.3)
    client.close()
    board.close()


def test_a_board_can_serve_tcp(target: Target) -> None:
    board = EmulatedBoard(target, ("--tcp",))
    assert board.process.record.port.startswith("socket://127.0.0.1:")
    board.open_port().close()
    board.open_port().close()  # one client after the other
    board.close()


def test_wiring_that_does_not_exist_is_an_error(target: Target) -> None:
    serial = target.serial.model_copy(update={"rx": "PB8"})
    board = EmulatedBoard(target.model_copy(update={"serial": serial}))
    with pytest.raises(BenchError, match="does not start") as caught:
        board.open_port()
    assert "PB8 is no RX pin of USART1" in caught.value.detail
    assert "PB7" in caught.value.hint
    board.close()


def test_a_target_without_a_chip_cannot_be_emulated(target: Target) -> None:
    mcu = target.mcu.model_copy(update={"chip": None})
    with pytest.raises(BenchError, match="cannot be emulated") as caught:
        board_arguments(target.model_copy(update={"mcu": mcu}), "emu-x")
    assert "--hil-probe" in caught.value.hint


def test_without_the_c_core_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(core_module, "core_path", lambda: tmp_path / "missing.so")
    with pytest.raises(BenchError, match="C core is not built") as caught:
        core_module.load_core()
    assert "pip install" in caught.value.hint


def test_without_unicorn_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_module, "unicorn_path", lambda: None)
    with pytest.raises(BenchError, match="Unicorn") as caught:
        core_module.require_unicorn()
    assert "emulator" in caught.value.hint


def test_the_announced_record_is_one_line_of_json(target: Target, tmp_path: Path) -> None:
    board = BoardProcess(board_arguments(target, "emu-listed"), tmp_path)
    record = board.record
    listed = json.loads((tmp_path / "emu-listed.json").read_text())
    assert listed["port"] == record.port
    assert listed["chip"] == "stm32f746"
    board.close()
