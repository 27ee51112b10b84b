"""Asking a board process to count executions of blocks for a while."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Sequence
from types import TracebackType

from hil.emulator.connection import Connection
from hil.emulator.protocol import BoardRecord, Op, ReplyStatus
from hil.emulator.trace import BlockTrace, unpack_trace
from hil.errors import BenchError


class InstructionTrace:
    """Counts all that a board executes in a `with` block; `result` has it afterwards.

    Each execution of the code at one of `marks` begins a new segment. Entering and leaving raise
    BenchError when the board is gone, takes no such marks, or executed more than it can record.
    """

    def __init__(self, record: BoardRecord, marks: Sequence[int]) -> None:
        self._record = record
        self._marks = tuple(marks)
        self._result: BlockTrace | None = None

    def __enter__(self) -> InstructionTrace:
        self._result = None
        marks = struct.pack(f"<{len(self._marks)}I", *self._marks)
        self._request(Op.TRACE_START, marks)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            with contextlib.suppress(BenchError):
                self._request(Op.TRACE_STOP)
            return
        self._result = unpack_trace(self._request(Op.TRACE_STOP))

    @property
    def result(self) -> BlockTrace:
        """What was counted. Raises BenchError when the trace has not ended well."""
        if self._result is None:
            raise BenchError("the trace has not ended", board=self._record.probe_id)
        return self._result

    def _request(self, op: Op, data: bytes = b"") -> bytes:
        board = self._record.probe_id
        try:
            connection = Connection(self._record)
            try:
                status, payload = connection.request(op, size=len(data), data=data)
            finally:
                connection.close()
        except OSError as gone:
            raise BenchError(f"the emulated board is gone: {gone}", board=board) from gone
        if status is not ReplyStatus.OK:
            raise BenchError(payload.decode(), board=board)
        return payload
