"""Instructions with floating-point registers (A7.7)."""

from __future__ import annotations

from tests.emulator.thumb.instruction import Instruction, register
from tests.emulator.thumb.machine import WORD, Machine


def float_access(sd: int, rn: int, load: bool, words: int) -> Instruction:
    """VLDR, VSTR of a single-precision register."""

    def execute(m: Machine) -> None:
        m.fpca = True
        m.must_be_aligned(m.r[rn])
        address = m.r[rn] + 4 * words
        if load:
            m.s[sd] = m.load(address, 4)
        else:
            m.store(address, 4, m.s[sd])

    text = f"{'vldr' if load else 'vstr'}{{c}} s{sd}, [{register(rn)}, #{4 * words}]"
    first = 0xED00 | (words >= 0) << 7 | (sd & 1) << 6 | load << 4 | rn
    return Instruction(text, (first, sd >> 1 << 12 | 0xA00 | abs(words)), execute, rn)


def float_multiple(first: int, count: int, rn: int, load: bool) -> Instruction:
    """VLDM, VSTM with writeback."""

    def execute(m: Machine) -> None:
        m.fpca = True
        base = m.r[rn]
        m.must_be_aligned(base)
        for index in range(count):
            if load:
                m.s[first + index] = m.load(base + 4 * index, 4)
            else:
                m.store(base + 4 * index, 4, m.s[first + index])
        m.r[rn] = (base + 4 * count) & WORD

    name = f"{'vldm' if load else 'vstm'}{{c}}"
    registers = ", ".join(f"s{first + index}" for index in range(count))
    code = 0xEC80 | (first & 1) << 6 | 1 << 5 | load << 4 | rn
    return Instruction(
        f"{name} {register(rn)}!, {{{{{registers}}}}}",
        (code, first >> 1 << 12 | 0xA00 | count),
        execute,
        rn,
    )


def compare_floats(sd: int, sm: int) -> Instruction:
    """VCMP.F32 of numbers that are neither NaN nor subnormal."""

    def execute(m: Machine) -> None:
        m.fpca = True
        a, b = _order(m.s[sd]), _order(m.s[sm])
        flags = 6 if a == b else 8 if a < b else 2
        m.fpscr = m.fpscr & 0x0FFFFFFF | flags << 28

    first = 0xEEB4 | (sd & 1) << 6
    second = sd >> 1 << 12 | 0xA40 | (sm & 1) << 5 | sm >> 1
    return Instruction(f"vcmp{{c}}.f32 s{sd}, s{sm}", (first, second), execute)


def _order(bits: int) -> int:
    """Numbers compare as these integers do."""
    magnitude = bits & 0x7FFFFFFF
    return -magnitude if bits >> 31 else magnitude


def float_flags() -> Instruction:
    """VMRS APSR_nzcv, FPSCR."""

    def execute(m: Machine) -> None:
        m.fpca = True
        m.xpsr = m.xpsr & 0x0FFFFFFF | m.fpscr & 0xF0000000

    return Instruction("vmrs{c} apsr_nzcv, fpscr", (0xEEF1, 0xFA10), execute)
