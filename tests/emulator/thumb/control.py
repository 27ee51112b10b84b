"""IT, branches, exceptions, status registers."""

from __future__ import annotations

from tests.emulator.thumb.instruction import CONDITIONS, Instruction, register
from tests.emulator.thumb.machine import LR, PC, WORD, Machine


class Halted(Exception):
    """A BKPT instruction."""


class SupervisorCall(Exception):
    """An SVC instruction."""


class ExceptionReturn(Exception):
    """A branch to an EXC_RETURN value."""


def nothing(_: Machine) -> None:
    """What NOP does."""


def nop() -> Instruction:
    return Instruction("nop{c}", (0xBF00,), nothing)


def it_mask(condition: int, otherwise: list[bool]) -> int:
    """The mask of an IT instruction (A7.3.2); `otherwise` tells which further ones are else."""
    mask = 0
    for position, is_else in enumerate(otherwise):
        mask |= ((condition & 1) ^ is_else) << (3 - position)
    return mask | 1 << (3 - len(otherwise))


def if_then(condition: int, otherwise: list[bool]) -> Instruction:
    """IT of one to four instructions."""
    mask = it_mask(condition, otherwise)

    def execute(m: Machine) -> None:
        m.it = condition << 4 | mask

    pattern = "".join("e" if is_else else "t" for is_else in otherwise)
    return Instruction(
        f"it{pattern} {CONDITIONS[condition]}", (0xBF00 | condition << 4 | mask,), execute
    )


def breakpoint_(number: int) -> Instruction:
    def execute(_: Machine) -> None:
        raise Halted

    return Instruction(f"bkpt #{number}", (0xBE00 | number,), execute)


def supervisor_call(number: int) -> Instruction:
    def execute(_: Machine) -> None:
        raise SupervisorCall

    return Instruction(f"svc{{c}} #{number}", (0xDF00 | number,), execute)


def branch_to_lr() -> Instruction:
    """BX LR, which here only handlers do."""

    def execute(m: Machine) -> None:
        assert m.r[LR] >= 0xFFFFFFE0
        raise ExceptionReturn

    return Instruction("bx{c} lr", (0x4770,), execute, ends_it_block=True)


def _jump(m: Machine, offset: int) -> None:
    m.r[PC] += 4 + offset  # PC is the branch's own address


def branch(offset: int) -> Instruction:
    """B by `offset` bytes from the branch's address + 4."""
    text = f"b{{c}}.n . + {offset + 4}"
    code = 0xE000 | offset >> 1 & 0x7FF
    return Instruction(text, (code,), lambda m: _jump(m, offset), ends_it_block=True)


def branch_if(condition: int, offset: int) -> Instruction:
    """B with a condition of its own, outside of IT blocks."""

    def execute(m: Machine) -> None:
        if m.condition_holds(condition):
            _jump(m, offset)

    text = f"b{CONDITIONS[condition]}.n . + {offset + 4}"
    return Instruction(
        text, (0xD000 | condition << 8 | offset >> 1 & 0xFF,), execute, ends_it_block=True
    )


def branch_if_wide(condition: int, offset: int) -> Instruction:
    """The same, of 32 bits."""

    def execute(m: Machine) -> None:
        if m.condition_holds(condition):
            _jump(m, offset)

    sign, j1, j2 = offset >> 20 & 1, offset >> 18 & 1, offset >> 19 & 1
    first = 0xF000 | sign << 10 | condition << 6 | offset >> 12 & 0x3F
    second = 0x8000 | j1 << 13 | j2 << 11 | offset >> 1 & 0x7FF
    text = f"b{CONDITIONS[condition]}.w . + {offset + 4}"
    return Instruction(text, (first, second), execute, ends_it_block=True)


def branch_if_zero(rn: int, offset: int) -> Instruction:
    """CBZ."""

    def execute(m: Machine) -> None:
        if m.r[rn] == 0:
            _jump(m, offset)

    code = 0xB100 | (offset >> 6 & 1) << 9 | (offset >> 1 & 0x1F) << 3 | rn
    return Instruction(f"cbz r{rn}, . + {offset + 4}", (code,), execute, ends_it_block=True)


def read_flags(rd: int) -> Instruction:
    """MRS Rd, APSR."""

    def execute(m: Machine) -> None:
        m.r[rd] = m.xpsr & 0xF80F0000

    return Instruction(f"mrs{{c}} {register(rd)}, apsr", (0xF3EF, 0x8000 | rd << 8), execute)


def write_flags(rn: int) -> Instruction:
    """MSR APSR_nzcvqg, Rn."""

    def execute(m: Machine) -> None:
        m.xpsr = m.xpsr & ~0xF80F0000 & WORD | m.r[rn] & 0xF80F0000

    return Instruction(f"msr{{c}} apsr_nzcvqg, {register(rn)}", (0xF380 | rn, 0x8C00), execute)
