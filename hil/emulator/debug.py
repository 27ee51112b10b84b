"""The core's debug unit on top of a board: DHCSR, DCRSR, DEMCR, breakpoints, CoreSight ids.

What a debugger reads and writes through the memory access port (ARM DDI 0403E C1).
"""

from __future__ import annotations

import struct

from hil.emulator.board import Board
from hil.emulator.core import StopReason

SCS, DWT, FPB, ITM, ROM_TABLE = 0xE000E000, 0xE0001000, 0xE0002000, 0xE0000000, 0xE00FF000
DHCSR, DCRSR, DCRDR, DEMCR = 0xE000EDF0, 0xE000EDF4, 0xE000EDF8, 0xE000EDFC
AIRCR = 0xE000ED0C

DHCSR_KEY = 0xA05F
C_DEBUGEN, C_HALT, C_STEP, C_MASKINTS = 1 << 0, 1 << 1, 1 << 2, 1 << 3
C_WRITABLE = 0x2F
S_REGRDY, S_HALT, S_LOCKUP = 1 << 16, 1 << 17, 1 << 19
S_RETIRE_ST, S_RESET_ST = 1 << 24, 1 << 25
DFSR_HALTED, DFSR_VCATCH = 1 << 0, 1 << 3
DCRSR_WRITE = 1 << 16
AIRCR_KEY, AIRCR_SYSRESETREQ, AIRCR_VECTRESET = 0x05FA, 1 << 2, 1 << 0

PRIVATE_BUS = range(0xE0000000, 0xE0100000)
COMPARATORS = 8
# A debugger that waits for a halt polls DHCSR; letting each poll wait this long for the core keeps
# the poller from starving the thread that runs it.
HALT_POLL_S = 0.0005


def _component_ids(part: int, component_class: int) -> dict[int, int]:
    """CoreSight peripheral and component id registers of an Arm part (ARM IHI 0029, 4.3)."""
    peripheral_id = 0x4_000B_B000 | part
    component_id = 0xB105000D | component_class << 12
    ids = {0xFD0: 4, 0xFD4: 0, 0xFD8: 0, 0xFDC: 0}
    for i in range(4):
        ids[0xFE0 + 4 * i] = peripheral_id >> (8 * i) & 0xFF
        ids[0xFF0 + 4 * i] = component_id >> (8 * i) & 0xFF
    return ids


_COMPONENTS = {
    SCS: _component_ids(0x00C, 0xE),
    DWT: _component_ids(0x002, 0xE),
    FPB: _component_ids(0x00E, 0xE),
    ITM: _component_ids(0x001, 0xE),
}
_IDS = _COMPONENTS | {ROM_TABLE: _component_ids(0x4C7, 0x1)}
_ROM_ENTRIES = {4 * i: ((base - ROM_TABLE) & 0xFFFFF000) | 3 for i, base in enumerate(_COMPONENTS)}


class DebugUnit:
    """Answers a debug probe's memory accesses. Not thread-safe: one request at a time."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._control = 0
        self._dcrdr = 0
        self._fpb_enabled = False
        self._comparators = [0] * COMPARATORS

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes at `address`. Raises BusFault where nothing answers."""
        if address not in PRIVATE_BUS:
            return self.board.read(address, size)
        first = address & ~3
        words = b"".join(
            struct.pack("<I", self._read_word(at)) for at in range(first, address + size, 4)
        )
        return words[address - first : address - first + size]

    def write(self, address: int, data: bytes) -> None:
        """Writes `data` at `address`. Raises BusFault where nothing answers."""
        if address not in PRIVATE_BUS:
            self.board.write(address, data)
            return
        first, last = address & ~3, (address + len(data) + 3) & ~3
        if (first, last) != (address, address + len(data)):
            words = bytearray(self.read(first, last - first))
            words[address - first : address - first + len(data)] = data
            data = bytes(words)
        for at in range(first, last, 4):
            self._write_word(at, struct.unpack_from("<I", data, at - first)[0])

    def reset(self, hold: bool = False) -> None:
        """Pulses the reset pin, or asserts it (`hold`)."""
        self.board.reset(hold)

    def _read_word(self, address: int) -> int:
        page, offset = address & ~0xFFF, address & 0xFFF
        if page in _IDS and offset >= 0xFD0:
            return _IDS[page].get(offset, 0)
        if page == ROM_TABLE:
            return _ROM_ENTRIES.get(offset, 0)
        if address == DHCSR:
            return self._dhcsr()
        if address == DCRDR:
            return self._dcrdr
        if page == FPB:
            return self._read_fpb(offset)
        word: int = struct.unpack("<I", self.board.read(address, 4))[0]
        return word

    def _write_word(self, address: int, value: int) -> None:
        page, offset = address & ~0xFFF, address & 0xFFF
        if address == DHCSR:
            self._write_dhcsr(value)
        elif address == DCRSR:
            self._transfer_register(value)
        elif address == DCRDR:
            self._dcrdr = value
        elif address == AIRCR:
            if value >> 16 == AIRCR_KEY and value & (AIRCR_SYSRESETREQ | AIRCR_VECTRESET):
                self.reset()
        elif page == FPB:
            self._write_fpb(offset, value)
        elif page == DWT:
            # Its counter moves with every block of a core that runs.
            self.board.while_halted(lambda: self.board.write(address, struct.pack("<I", value)))
        elif page not in (ITM, ROM_TABLE):
            self.board.write(address, struct.pack("<I", value))

    def _dhcsr(self) -> int:
        board = self.board
        if not board.halted:
            board.wait_halted(HALT_POLL_S)
        value = self._control & ~C_HALT | S_REGRDY
        # A core in lockup does not run, but is not halted either until a debugger halts it.
        halted = board.halted and not board.control.locked_up
        value |= S_HALT | C_HALT if halted else S_RETIRE_ST
        if board.reset_seen:
            value |= S_RESET_ST
            board.reset_seen = False
        if board.control.locked_up:
            value |= S_LOCKUP
        return value

    def _write_dhcsr(self, value: int) -> None:
        if value >> 16 != DHCSR_KEY:
            return
        board = self.board
        self._control = value & C_WRITABLE
        board.control.debug_enabled = value & C_DEBUGEN
        if not value & C_DEBUGEN:
            board.resume()
        elif value & C_HALT:
            if not board.halted or board.control.locked_up:
                board.halt()
                board.control.locked_up = 0
                board.control.dfsr |= DFSR_HALTED
        elif board.halted and value & C_STEP:
            if board.step(bool(value & C_MASKINTS)) is StopReason.STEP:
                board.control.dfsr |= DFSR_HALTED
        elif board.halted:
            board.resume()

    def _transfer_register(self, value: int) -> None:
        number = value & 0x7F
        if not self.board.halted:
            return
        if value & DCRSR_WRITE:
            self.board.write_core_register(number, self._dcrdr)
        else:
            self._dcrdr = self.board.read_core_register(number)

    def _read_fpb(self, offset: int) -> int:
        if offset == 0:  # FP_CTRL, version 2 (ARM C1.11.3)
            return 1 << 28 | COMPARATORS << 4 | int(self._fpb_enabled)
        index = (offset - 8) // 4
        return self._comparators[index] if 0 <= index < COMPARATORS else 0

    def _write_fpb(self, offset: int, value: int) -> None:
        index = (offset - 8) // 4
        if offset == 0:
            if value & 2:  # KEY
                self._fpb_enabled = bool(value & 1)
        elif 0 <= index < COMPARATORS:
            self._comparators[index] = value
        addresses = (
            sorted({comparator & ~1 for comparator in self._comparators if comparator & 1})
            if self._fpb_enabled
            else []
        )
        self.board.while_halted(lambda: self.board.set_breakpoints(addresses))
