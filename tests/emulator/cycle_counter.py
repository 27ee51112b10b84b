"""Setting CYCCNT of a board that runs at a chosen place, to see its wrap from anywhere."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic

from hil.emulator.connection import Connection
from hil.emulator.debug import C_DEBUGEN, DHCSR, DHCSR_KEY, DWT, FPB, S_HALT
from hil.emulator.protocol import BoardRecord, Op, ReplyStatus

CYCCNT = DWT + 4
FP_CTRL, FP_COMP0 = FPB, FPB + 8
FP_CTRL_KEY_ENABLE, FP_COMP_ENABLE = 3, 1
WRAP = 2**32


@contextmanager
def cycle_counter_preset(
    record: BoardRecord, value: int, at: int, timeout_s: float = 30.0
) -> Iterator[None]:
    """Within it CYCCNT becomes `value` the first time that execution reaches the address `at`.

    Raises TimeoutError at the end when it did not.
    """
    connection = Connection(record)
    try:
        _write(connection, FP_CTRL, FP_CTRL_KEY_ENABLE)
        _write(connection, FP_COMP0, at | FP_COMP_ENABLE)
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(_set_when_halted, connection, value, monotonic() + timeout_s)
            yield
            done.result()
    finally:
        _write(connection, FP_COMP0, 0)
        connection.close()


def _set_when_halted(connection: Connection, value: int, deadline: float) -> None:
    while not _read(connection, DHCSR) & S_HALT:
        if monotonic() > deadline:
            raise TimeoutError("execution did not reach the place")
    _write(connection, CYCCNT, value)
    _write(connection, FP_COMP0, 0)
    _write(connection, DHCSR, DHCSR_KEY << 16 | C_DEBUGEN)  # runs on
    _write(connection, DHCSR, DHCSR_KEY << 16)


def _read(connection: Connection, address: int) -> int:
    status, data = connection.request(Op.READ, address, 4)
    assert status is ReplyStatus.OK
    (word,) = struct.unpack("<I", data)
    return int(word)


def _write(connection: Connection, address: int, value: int) -> None:
    status, _ = connection.request(Op.WRITE, address, 4, struct.pack("<I", value))
    assert status is ReplyStatus.OK
