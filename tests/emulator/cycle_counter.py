"""Setting CYCCNT of a board that runs at a chosen place, to see its wrap from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic

from hil.emulator.debug import DWT
from hil.emulator.protocol import BoardRecord
from tests.emulator.debug_port import DebugPort, debug_port

CYCCNT = DWT + 4
WRAP = 2**32


@contextmanager
def cycle_counter_preset(
    record: BoardRecord, value: int, at: int, timeout_s: float = 30.0
) -> Iterator[None]:
    """Within it CYCCNT becomes `value` the first time that execution reaches the address `at`.

    Raises TimeoutError at the end when it did not. Uses the first hardware breakpoint.
    """
    with debug_port(record) as port:
        port.break_at(at)
        try:
            with ThreadPoolExecutor(1) as pool:
                done = pool.submit(_set_when_halted, port, value, monotonic() + timeout_s)
                yield
            done.result()
        finally:
            port.clear_break()


def _set_when_halted(port: DebugPort, value: int, deadline: float) -> None:
    port.wait_halted(deadline)
    port.write(CYCCNT, value)
    port.clear_break()
    port.resume()
