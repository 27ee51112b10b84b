"""Registers, memory and exceptions of an ARMv7-M core, as the manual describes them.

Sections are those of the ARMv7-M Architecture Reference Manual (DDI 0403E). This model shares no
code with the emulated board: it is what random programs are compared with.
"""

from __future__ import annotations

from dataclasses import dataclass, field

RAM_BASE, RAM_BYTES = 0x20000000, 0x50000
FLASH_BASE, FLASH_BYTES = 0x08000000, 0x100000
PORT_BASE, PORT_BYTES = 0x40020800, 0x400  # GPIOC, of which this model knows that it stores words

SP, LR, PC = 13, 14, 15
WORD = 0xFFFFFFFF

SVCALL, BUS_FAULT, USAGE_FAULT = 11, 5, 6
PRECISERR_AND_BFARVALID, UNALIGNED, DIVBYZERO = 0x8200, 1 << 24, 1 << 25
IT_BITS = 0x0600FC00
FRAME_PADDED = 1 << 9


class Fault(Exception):
    """A fault of the instruction that is executed, which then has had no effect on its base."""

    def __init__(self, number: int, cause: int, address: int = 0) -> None:
        super().__init__(number, cause, address)
        self.number = number
        self.cause = cause
        self.address = address


def bit(value: int, position: int) -> int:
    return value >> position & 1


def signed(value: int, bits: int = 32) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


def add_with_carry(a: int, b: int, carry: int) -> tuple[int, int, int]:
    """Sum, carry and overflow (A2.2.1)."""
    total = a + b + carry
    result = total & WORD
    overflow = signed(a) + signed(b) + carry != signed(result)
    return result, int(total > WORD), int(overflow)


@dataclass
class Machine:
    """A core that executes privileged code on the main stack."""

    ram: bytearray
    flash: bytes
    r: list[int] = field(default_factory=lambda: [0] * 16)
    n: int = 0
    z: int = 0
    c: int = 0
    v: int = 0
    q: int = 0
    ge: int = 0
    it: int = 0
    ipsr: int = 0
    s: list[int] = field(default_factory=lambda: [0] * 32)
    fpscr: int = 0
    fpca: bool = False
    port: dict[int, int] = field(default_factory=dict)
    exclusive: bool = False
    traps_division: bool = False
    instructions: int = 0
    taken: list[tuple[int, int]] = field(default_factory=list)  # exceptions, with their ITSTATE

    # ---- program status

    @property
    def xpsr(self) -> int:
        """The whole xPSR (B1.4.2)."""
        flags = self.n << 31 | self.z << 30 | self.c << 29 | self.v << 28 | self.q << 27
        it = (self.it & 0xFC) << 8 | (self.it & 3) << 25
        return flags | it | 1 << 24 | self.ge << 16 | self.ipsr

    @xpsr.setter
    def xpsr(self, value: int) -> None:
        self.n, self.z, self.c, self.v, self.q = (bit(value, at) for at in (31, 30, 29, 28, 27))
        self.ge = value >> 16 & 15
        self.it = (value >> 8 & 0xFC) | (value >> 25 & 3)
        self.ipsr = value & 0x1FF

    def set_nz(self, result: int) -> None:
        self.n, self.z = result >> 31, int(result == 0)

    def condition_holds(self, condition: int) -> bool:
        """A7.3.1."""
        holds = (
            self.z == 1,
            self.c == 1,
            self.n == 1,
            self.v == 1,
            self.c == 1 and self.z == 0,
            self.n == self.v,
            self.n == self.v and self.z == 0,
            True,
        )[condition >> 1]
        return holds if condition >= 14 or not condition & 1 else not holds

    def advance_it(self) -> None:
        """A7.3.3."""
        self.it = (self.it & 0xE0) | (self.it << 1 & 0x1F) if self.it & 7 else 0

    # ---- memory

    def _memory(self, address: int) -> tuple[bytearray | bytes, int] | None:
        if RAM_BASE <= address < RAM_BASE + RAM_BYTES:
            return self.ram, address - RAM_BASE
        if FLASH_BASE <= address < FLASH_BASE + FLASH_BYTES:
            return self.flash, address - FLASH_BASE
        return None

    def load(self, address: int, size: int) -> int:
        """`size` bytes at `address`. Raises Fault."""
        address &= WORD
        if PORT_BASE <= address < PORT_BASE + PORT_BYTES:
            word = self.port.get(address & ~3, 0) >> 8 * (address & 3)
            return word & ((1 << 8 * size) - 1)
        memory = self._memory(address)
        if memory is None:
            raise Fault(BUS_FAULT, PRECISERR_AND_BFARVALID, address)
        return int.from_bytes(memory[0][memory[1] : memory[1] + size], "little")

    def store(self, address: int, size: int, value: int) -> None:
        """Raises Fault: flash memory is locked."""
        address &= WORD
        if PORT_BASE <= address < PORT_BASE + PORT_BYTES:
            shift = 8 * (address & 3)
            mask = ((1 << 8 * size) - 1) << shift
            word = self.port.get(address & ~3, 0)
            self.port[address & ~3] = (word & ~mask) | (value << shift & mask)
            return
        if not RAM_BASE <= address < RAM_BASE + RAM_BYTES:
            raise Fault(BUS_FAULT, PRECISERR_AND_BFARVALID, address)
        at = address - RAM_BASE
        self.ram[at : at + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")

    def must_be_aligned(self, address: int) -> None:
        """For the instructions that never take an unaligned address (A3.2.1)."""
        if address & 3:
            raise Fault(USAGE_FAULT, UNALIGNED)

    # ---- exceptions

    def enter(self, number: int, handler: int, return_address: int) -> None:
        """Exception entry (B1.5.6, B1.5.7)."""
        words = 26 if self.fpca else 8
        frame = (self.r[SP] - 4 * words) & ~7
        padded = (self.r[SP] - 4 * words) & 4
        stacked = [*self.r[:4], self.r[12], self.r[LR], return_address]
        stacked.append(self.xpsr & ~FRAME_PADDED | (FRAME_PADDED if padded else 0))
        if self.fpca:
            stacked += [*self.s[:16], self.fpscr]
        for index, value in enumerate(stacked):
            self.store(frame + 4 * index, 4, value)
        self.taken.append((number, self.it))
        self.r[SP] = frame
        self.r[LR] = 0xFFFFFFE9 if self.fpca else 0xFFFFFFF9
        self.r[PC] = handler & ~1
        self.ipsr = number
        self.it = 0
        self.fpca = False
        self.exclusive = False

    def leave(self) -> None:
        """Exception return to thread mode on the main stack (B1.5.8)."""
        frame = self.r[SP]
        fp = self.r[LR] == 0xFFFFFFE9
        stacked = [self.load(frame + 4 * index, 4) for index in range(26 if fp else 8)]
        self.r[:4] = stacked[:4]
        self.r[12], self.r[LR], self.r[PC], xpsr = stacked[4:8]
        self.xpsr = xpsr
        if fp:
            self.s[:16] = stacked[8:24]
            self.fpscr = stacked[24]
        self.fpca = fp
        self.r[SP] = frame + 4 * len(stacked) + (4 if xpsr & FRAME_PADDED else 0)
        self.exclusive = False
