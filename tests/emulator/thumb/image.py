"""What every program finds in flash: vectors, handlers and data."""

from __future__ import annotations

import struct
from random import Random

from tests.emulator.thumb import accesses, arithmetic, control
from tests.emulator.thumb.instruction import Instruction
from tests.emulator.thumb.machine import (
    BUS_FAULT,
    FLASH_BASE,
    RAM_BASE,
    SVCALL,
    USAGE_FAULT,
)
from tests.emulator.thumb.program import FLASH_DATA

VECTORS = 16
FIRST_HANDLER = FLASH_BASE + 0x400
FAULT_HANDLER_HALTS_AT = FIRST_HANDLER
FLASH_DATA_BYTES = 0x1000


def fault_handler() -> list[Instruction]:
    """Halts, so that a debugger looks at the fault and mends or skips its instruction."""
    return [control.breakpoint_(1), control.branch_to_lr()]


def call_handler() -> list[Instruction]:
    """Changes all that exception return must restore, GE and the flags included."""
    return [
        arithmetic.narrow_immediate("mov", 0, 200),
        arithmetic.copy(1, 0),
        arithmetic.add_bytes("uadd8", 2, 0, 1),
        arithmetic.narrow("adc", 3, 2),
        arithmetic.copy(12, 1),
        control.if_then(1, [False]),
        arithmetic.narrow_immediate("add", 0, 3),
        accesses.from_stack(0, False, 0),  # over the stacked R0
        control.branch_to_lr(),
    ]


class Image:
    """`code` holds the handlers' instructions, `handlers` their addresses by exception."""

    def __init__(self) -> None:
        self.code: dict[int, Instruction] = {}
        self.handlers: dict[int, int] = {}
        address = FIRST_HANDLER
        for numbers, handler in (
            ((BUS_FAULT, USAGE_FAULT), fault_handler()),
            ((SVCALL,), call_handler()),
        ):
            self.handlers |= dict.fromkeys(numbers, address)
            for instruction in handler:
                self.code[address] = instruction
                address += instruction.size

    def parts(self) -> dict[int, bytes]:
        """Contents of flash by address."""
        vectors = [RAM_BASE + 0x1000, FIRST_HANDLER | 1] + [0] * (VECTORS - 2)
        for number, address in self.handlers.items():
            vectors[number] = address | 1
        parts = {address: instruction.encoding for address, instruction in self.code.items()}
        parts[FLASH_BASE] = struct.pack(f"<{VECTORS}I", *vectors)
        parts[FLASH_DATA] = Random(0).randbytes(FLASH_DATA_BYTES)
        return parts
