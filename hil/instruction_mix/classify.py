"""Which class an Armv7-M instruction belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import capstone

from hil.vocab import InstructionClass

WIDE = 0b11101  # the top five bits of a 32-bit instruction's first halfword, or more (ARM A5.1)

_LOADS = ("ldr", "ldm", "pop", "lda", "vldr", "vldm", "vpop")
_STORES = ("str", "stm", "push", "stl", "vstr", "vstm", "vpush")
_DIVISIONS = ("sdiv", "udiv")
_MULTIPLICATIONS = ("mul", "mla", "mls", "smul", "smla", "smls", "smml", "smmul", "smua", "smus")
_LONG_MULTIPLICATIONS = ("umul", "umla", "umaal")
# Capstone knows two by their older names: FMSTAT (VMRS to the flags) and FCONSTS (VMOV immediate).
_FLOAT = ("v", "fmstat", "fconst")

_BY_NAME = (
    (_LOADS, InstructionClass.LOAD),
    (_STORES, InstructionClass.STORE),
    (_MULTIPLICATIONS + _LONG_MULTIPLICATIONS, InstructionClass.MULTIPLY),
    (_DIVISIONS, InstructionClass.DIVIDE),
    (_FLOAT, InstructionClass.FP),
)


def split_instructions(code: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each instruction in Thumb code; a cut last one is left out."""
    at = 0
    while at + 2 <= len(code):
        size = 4 if code[at + 1] >> 3 >= WIDE else 2
        if at + size <= len(code):
            yield at, code[at : at + size]
        at += size


@cache
def instruction_class(code: bytes) -> InstructionClass:
    """The class of one instruction, given its 2 or 4 bytes.

    What may change the program counter is a branch, whatever else it does: POP {PC} is a return.
    Loads and stores of floating-point registers are loads and stores. An encoding that is not known
    is OTHER, like all that moves, shifts, compares or adds integers.
    """
    instruction = next(_disassembler().disasm(code, 0), None)
    if instruction is None:
        return InstructionClass.OTHER
    _, written = instruction.regs_access()
    if instruction.group(capstone.CS_GRP_JUMP) or capstone.arm.ARM_REG_PC in written:
        return InstructionClass.BRANCH
    name = instruction.insn_name()
    for prefixes, kind in _BY_NAME:
        if name.startswith(prefixes):
            return kind
    return InstructionClass.OTHER


@cache
def _disassembler() -> capstone.Cs:
    # Version 8 for the FPv5 instructions of the Cortex-M7.
    mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8
    disassembler = capstone.Cs(capstone.CS_ARCH_ARM, mode)
    disassembler.detail = True
    return disassembler
