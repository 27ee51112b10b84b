from __future__ import annotations

import os
import pty
import socket
import threading
import tty
from pathlib import Path

import pytest

from hil.errors import BenchError, PortLost
from hil.link.port import SerialPort


@pytest.fixture
def terminal() -> tuple[int, str]:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    name = os.ttyname(theirs)
    os.close(theirs)
    return ours, name


def test_bytes_go_both_ways(terminal: tuple[int, str]) -> None:
    ours, name = terminal
    port = SerialPort(name, 921_600)
    port.write(b"to the board")
    assert os.read(ours, 100) == b"to the board"
    os.write(ours, b"to the host")
    assert port.read(1) == b"to the host"
    port.close()
    os.close(ours)


def test_nothing_comes_within_the_deadline(terminal: tuple[int, str]) -> None:
    port = SerialPort(terminal[1], 115_200)
    assert port.read(0.05) == b""
    port.close()


def test_a_port_that_goes_away_is_port_lost(terminal: tuple[int, str]) -> None:
    ours, name = terminal
    port = SerialPort(name, 115_200)
    os.close(ours)
    with pytest.raises(PortLost):
        port.read(1)


def test_a_missing_port_names_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="cannot open serial port") as caught:
        SerialPort(str(tmp_path / "ttyACM9"), 115_200)
    assert "present" in caught.value.hint


def test_a_port_in_use_is_refused(terminal: tuple[int, str]) -> None:
    first = SerialPort(terminal[1], 115_200)
    with pytest.raises(BenchError) as caught:
        SerialPort(terminal[1], 115_200)
    assert "another program" in caught.value.hint
    first.close()


def test_an_unknown_kind_of_url_is_an_error() -> None:
    with pytest.raises(BenchError, match="cannot open"):
        SerialPort("carrierpigeon://roof", 115_200)


def test_a_tcp_port_is_a_port_too() -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def echo() -> None:
        client, _ = server.accept()
        with client:
            client.sendall(client.recv(100))

    thread = threading.Thread(target=echo)
    thread.start()
    port = SerialPort(f"socket://127.0.0.1:{server.getsockname()[1]}", 115_200)
    port.write(b"ping")
    received = b""
    while len(received) < 4:
        received += port.read(1)
    assert received == b"ping"
    thread.join()
    port.close()
    server.close()
