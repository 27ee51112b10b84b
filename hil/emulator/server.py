"""Serves a board's debug unit to probes on a local socket."""

from __future__ import annotations

import json
import socket
import struct
import threading
from pathlib import Path
from typing import BinaryIO

from hil.emulator.board import Board, BusFault
from hil.emulator.debug import DebugUnit
from hil.emulator.protocol import OPS_WITH_DATA, REPLY, REQUEST, Op, ReplyStatus
from hil.errors import BenchError

WORD_BYTES = 4


class DebugServer:
    """Accepts any number of probes; their requests are answered one at a time."""

    def __init__(self, board: Board, path: Path) -> None:
        self._board = board
        self._unit = DebugUnit(board)
        self._turn = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen()
        threading.Thread(target=self._accept, name="probes", daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as stream:
            try:
                while header := stream.read(REQUEST.size):
                    if len(header) < REQUEST.size:
                        return
                    status, payload = self._answer(header, stream)
                    client.sendall(REPLY.pack(status, len(payload)) + payload)
            except OSError:
                return

    def _answer(self, header: bytes, stream: BinaryIO) -> tuple[ReplyStatus, bytes]:
        op, address, size = REQUEST.unpack(header)
        data = stream.read(size) if op in OPS_WITH_DATA else b""
        try:
            with self._turn:
                return ReplyStatus.OK, self._perform(op, address, size, data)
        except BusFault as error:
            return ReplyStatus.BUS_FAULT, str(error).encode()
        except (BenchError, ValueError) as error:
            return ReplyStatus.FAILED, str(error).encode()

    def _perform(self, op: int, address: int, size: int, data: bytes) -> bytes:
        match Op(op):
            case Op.READ:
                return self._unit.read(address, size)
            case Op.WRITE:
                self._unit.write(address, data)
            case Op.RESET:
                self._unit.reset()
            case Op.HOLD_RESET:
                self._unit.reset(hold=True)
            case Op.COUNTERS:
                return json.dumps(self._board.counters()).encode()
            case Op.TRACE_START:
                self._board.start_trace(struct.unpack(f"<{size // WORD_BYTES}I", data))
            case Op.TRACE_STOP:
                return self._board.stop_trace()
        return b""
