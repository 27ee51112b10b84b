"""A program, and where things are in memory."""

from __future__ import annotations

from dataclasses import dataclass

from tests.emulator.thumb.instruction import Instruction, register
from tests.emulator.thumb.machine import FLASH_BASE, PORT_BASE, PORT_BYTES, RAM_BASE

FLASH_DATA = FLASH_BASE + 0xC0000
FLASH_CODE, RAM_CODE = FLASH_BASE + 0x10000, RAM_BASE + 0xC000
STACK = RAM_BASE + 0x4000
PAGE = 0x400


@dataclass(frozen=True)
class Program:
    """What is executed, and the registers that it begins with."""

    origin: int
    lines: tuple[tuple[Instruction, int | None], ...]  # with the condition of its IT block
    registers: tuple[int, ...]  # R0 to R12, SP, LR
    floats: tuple[int, ...]
    flags: int  # xPSR
    traps_division: bool

    @property
    def code(self) -> dict[int, Instruction]:
        """Instructions by address."""
        placed = {}
        address = self.origin
        for instruction, _ in self.lines:
            placed[address] = instruction
            address += instruction.size
        return placed

    @property
    def uses_floats(self) -> bool:
        """Such a program begins with floating-point state (CONTROL.FPCA)."""
        return any(len(i.code) == 2 and i.code[0] & 0xEC00 == 0xEC00 for i, _ in self.lines)

    @property
    def uses_port(self) -> bool:
        return any(PORT_BASE <= value < PORT_BASE + PORT_BYTES for value in self.registers)

    @property
    def encoding(self) -> bytes:
        return b"".join(instruction.encoding for instruction, _ in self.lines)

    def __str__(self) -> str:
        values = [f"{register(n)}={value:#x}" for n, value in enumerate(self.registers)]
        lines = [
            " ".join(values),
            f"xpsr={self.flags:#x}, division by 0 traps: {self.traps_division}",
        ]
        address = self.origin
        for instruction, condition in self.lines:
            lines.append(f"{address:08x}  {instruction.written(condition)}")
            address += instruction.size
        return "\n".join(lines)
