"""A debugger's registers of a board process, word by word."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from hil.emulator.connection import Connection
from hil.emulator.debug import (
    C_DEBUGEN,
    C_HALT,
    DCRDR,
    DCRSR,
    DCRSR_WRITE,
    DHCSR,
    DHCSR_KEY,
    FPB,
    S_HALT,
)
from hil.emulator.protocol import BoardRecord, Op, ReplyStatus

FP_CTRL, FP_COMP0 = FPB, FPB + 8
FP_CTRL_KEY_ENABLE, FP_COMP_ENABLE = 3, 1
PC = 15


class DebugPort:
    """The core of a running board under a debugger."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, address: int) -> int:
        status, data = self._connection.request(Op.READ, address, 4)
        assert status is ReplyStatus.OK
        (word,) = struct.unpack("<I", data)
        return int(word)

    def write(self, address: int, value: int) -> None:
        status, _ = self._connection.request(Op.WRITE, address, 4, struct.pack("<I", value))
        assert status is ReplyStatus.OK

    def break_at(self, address: int) -> None:
        self.write(FP_CTRL, FP_CTRL_KEY_ENABLE)
        self.write(FP_COMP0, address | FP_COMP_ENABLE)

    def clear_break(self) -> None:
        self.write(FP_COMP0, 0)

    def halt(self) -> None:
        self.write(DHCSR, DHCSR_KEY << 16 | C_DEBUGEN | C_HALT)

    def wait_halted(self, deadline: float) -> None:
        while not self.read(DHCSR) & S_HALT:
            if monotonic() > deadline:
                raise TimeoutError("execution did not reach the place")

    def resume(self) -> None:
        """Runs on, without a debugger."""
        self.write(DHCSR, DHCSR_KEY << 16 | C_DEBUGEN)
        self.write(DHCSR, DHCSR_KEY << 16)

    def jump(self, address: int) -> None:
        self.write(DCRDR, address)
        self.write(DCRSR, DCRSR_WRITE | PC)


@contextmanager
def debug_port(record: BoardRecord) -> Iterator[DebugPort]:
    connection = Connection(record)
    try:
        yield DebugPort(connection)
    finally:
        connection.close()
