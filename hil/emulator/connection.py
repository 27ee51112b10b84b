"""Requests to a board process over its local socket."""

from __future__ import annotations

import json
import socket

from hil.emulator.protocol import REPLY, REQUEST, BoardRecord, Op, ReplyStatus

REPLY_TIMEOUT_S = 10.0


class Connection:
    """One client of a board process. Raises OSError when that is gone."""

    def __init__(self, record: BoardRecord) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(REPLY_TIMEOUT_S)
        try:
            self._socket.connect(record.socket)
        except OSError:
            self._socket.close()
            raise
        self._stream = self._socket.makefile("rb")

    def request(
        self, op: Op, address: int = 0, size: int = 0, data: bytes = b""
    ) -> tuple[ReplyStatus, bytes]:
        """Sends one request; how it went, and the reply's bytes."""
        self._socket.sendall(REQUEST.pack(op, address, size) + data)
        header = self._stream.read(REPLY.size)
        if header is None or len(header) < REPLY.size:
            raise OSError("it closed the connection")
        status, length = REPLY.unpack(header)
        return ReplyStatus(status), self._stream.read(length)

    def close(self) -> None:
        """Hangs up."""
        self._stream.close()
        self._socket.close()


def board_counters(record: BoardRecord) -> dict[str, int]:
    """The counters of a running board (hil.emulator.board.Board.counters). Raises OSError."""
    connection = Connection(record)
    try:
        _, payload = connection.request(Op.COUNTERS)
    finally:
        connection.close()
    counters: dict[str, int] = json.loads(payload)
    return counters
