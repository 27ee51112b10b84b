"""Data-processing instructions (A7.7), with the flags that each sets."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulator.thumb.instruction import Instruction, register
from tests.emulator.thumb.machine import (
    DIVBYZERO,
    USAGE_FAULT,
    WORD,
    Fault,
    Machine,
    add_with_carry,
    bit,
    signed,
)

# What an operation gives: the result, carry and overflow; None leaves a flag as it is.
Result = tuple[int, int | None, int | None]
Operation = Callable[[Machine, int, int], Result]


def shifted(value: int, kind: int, amount: int, carry: int) -> tuple[int, int]:
    """LSL, LSR, ASR, ROR by an amount that was decoded (A7.4.2)."""
    if amount == 0:
        return value, carry
    if kind == 0:
        wide = value << amount
        return wide & WORD, bit(wide, 32)
    if kind == 3:
        turn = amount & 31
        result = (value >> turn | value << (32 - turn)) & WORD
        return result, result >> 31
    wide = value if kind == 1 else signed(value)
    return (wide >> amount) & WORD, bit(wide >> (amount - 1), 0)


def _logic(operate: Callable[[int, int], int]) -> Operation:
    return lambda _, a, b: (operate(a, b) & WORD, None, None)


def _shift(kind: int) -> Operation:
    return lambda m, a, b: (*shifted(a, kind, b & 0xFF, m.c), None)


AND, EOR = _logic(lambda a, b: a & b), _logic(lambda a, b: a ^ b)
ORR, ORN = _logic(lambda a, b: a | b), _logic(lambda a, b: a | ~b)
BIC, MVN = _logic(lambda a, b: a & ~b), _logic(lambda _, b: ~b)
MOV = _logic(lambda _, b: b)


def ADD(_: Machine, a: int, b: int) -> Result:  # noqa: N802
    return add_with_carry(a, b, 0)


def ADC(m: Machine, a: int, b: int) -> Result:  # noqa: N802
    return add_with_carry(a, b, m.c)


def SUB(_: Machine, a: int, b: int) -> Result:  # noqa: N802
    return add_with_carry(a, b ^ WORD, 1)


def SBC(m: Machine, a: int, b: int) -> Result:  # noqa: N802
    return add_with_carry(a, b ^ WORD, m.c)


def RSB(_: Machine, a: int, b: int) -> Result:  # noqa: N802
    return add_with_carry(a ^ WORD, b, 1)


def _set_flags(m: Machine, result: Result) -> None:
    m.set_nz(result[0])
    if result[1] is not None:
        m.c = result[1]
    if result[2] is not None:
        m.v = result[2]


# ---- 16 bits: flags are set outside of IT blocks

NARROW: dict[str, tuple[int, Operation]] = {
    "and": (0, AND),
    "eor": (1, EOR),
    "lsl": (2, _shift(0)),
    "lsr": (3, _shift(1)),
    "asr": (4, _shift(2)),
    "adc": (5, ADC),
    "sbc": (6, SBC),
    "ror": (7, _shift(3)),
    "tst": (8, AND),
    "cmp": (10, SUB),
    "cmn": (11, ADD),
    "orr": (12, ORR),
    "mul": (13, lambda _, a, b: (a * b & WORD, None, None)),
    "bic": (14, BIC),
    "mvn": (15, MVN),
}
COMPARISONS = ("tst", "cmp", "cmn")


def narrow(name: str, rd: int, rm: int) -> Instruction:
    """Rd = Rd op Rm, both low registers."""
    number, operate = NARROW[name]
    compares = name in COMPARISONS

    def execute(m: Machine) -> None:
        result = operate(m, m.r[rd], m.r[rm])
        if compares or not m.it:
            _set_flags(m, result)
        if not compares:
            m.r[rd] = result[0]

    suffix = "{c}" if compares else "{s}{c}"
    operands = f"r{rd}, r{rm}" + (f", r{rd}" if name == "mul" else "")
    return Instruction(
        f"{name}{suffix} {operands}", (0x4000 | number << 6 | rm << 3 | rd,), execute
    )


def narrow_immediate(name: str, rd: int, value: int) -> Instruction:
    """MOV, CMP, ADD, SUB of a low register and 8 bits."""
    number, operate = {"mov": (0, MOV), "cmp": (1, SUB), "add": (2, ADD), "sub": (3, SUB)}[name]

    def execute(m: Machine) -> None:
        result = operate(m, m.r[rd], value)
        if name == "cmp" or not m.it:
            _set_flags(m, result)
        if name != "cmp":
            m.r[rd] = result[0]

    suffix = "{c}" if name == "cmp" else "{s}{c}"
    return Instruction(
        f"{name}{suffix} r{rd}, #{value}", (0x2000 | number << 11 | rd << 8 | value,), execute
    )


def narrow_shift(kind: int, rd: int, rm: int, amount: int) -> Instruction:
    """LSL by 1 to 31, LSR and ASR by 1 to 32."""
    name = ("lsl", "lsr", "asr")[kind]

    def execute(m: Machine) -> None:
        result, carry = shifted(m.r[rm], kind, amount, m.c)
        m.r[rd] = result
        if not m.it:
            _set_flags(m, (result, carry, None))

    code = kind << 11 | (amount & 31) << 6 | rm << 3 | rd
    return Instruction(f"{name}{{s}}{{c}} r{rd}, r{rm}, #{amount}", (code,), execute)


def three_registers(name: str, rd: int, rn: int, rm: int) -> Instruction:
    """ADD, SUB of low registers."""
    number, operate = {"add": (0, ADD), "sub": (1, SUB)}[name]

    def execute(m: Machine) -> None:
        result = operate(m, m.r[rn], m.r[rm])
        if not m.it:
            _set_flags(m, result)
        m.r[rd] = result[0]

    code = 0x1800 | number << 9 | rm << 6 | rn << 3 | rd
    return Instruction(f"{name}{{s}}{{c}} r{rd}, r{rn}, r{rm}", (code,), execute)


def copy(rd: int, rm: int) -> Instruction:
    """MOV of any two registers."""

    def execute(m: Machine) -> None:
        m.r[rd] = m.r[rm]

    code = 0x4600 | rd >> 3 << 7 | rm << 3 | rd & 7
    return Instruction(f"mov{{c}} {register(rd)}, {register(rm)}", (code,), execute)


def extend(kind: int, rd: int, rm: int) -> Instruction:
    """SXTH, SXTB, UXTH, UXTB."""
    name, bits = (("sxth", 16), ("sxtb", 8), ("uxth", 16), ("uxtb", 8))[kind]

    def execute(m: Machine) -> None:
        value = m.r[rm] & ((1 << bits) - 1)
        m.r[rd] = (signed(value, bits) if kind < 2 else value) & WORD

    return Instruction(f"{name}{{c}} r{rd}, r{rm}", (0xB200 | kind << 6 | rm << 3 | rd,), execute)


# ---- 32 bits: flags are set where the instruction says so

WIDE: dict[str, tuple[int, Operation]] = {
    "and": (0, AND),
    "bic": (1, BIC),
    "orr": (2, ORR),
    "orn": (3, ORN),
    "eor": (4, EOR),
    "add": (8, ADD),
    "adc": (10, ADC),
    "sbc": (11, SBC),
    "sub": (13, SUB),
    "rsb": (14, RSB),
}


def wide(name: str, sets: bool, rd: int, rn: int, rm: int, kind: int, amount: int) -> Instruction:
    """Rd = Rn op (Rm shifted)."""
    number, operate = WIDE[name]

    def execute(m: Machine) -> None:
        second, carry = shifted(m.r[rm], kind, amount, m.c)
        result = operate(m, m.r[rn], second)
        if sets:
            _set_flags(m, (result[0], carry if result[1] is None else result[1], result[2]))
        m.r[rd] = result[0]

    shift = f", {('lsl', 'lsr', 'asr', 'ror')[kind]} #{amount}" if amount else ""
    text = f"{name}{'s' if sets else ''}{{c}}.w {register(rd)}, {register(rn)}, {register(rm)}"
    first = 0xEA00 | number << 5 | sets << 4 | rn
    second_half = amount >> 2 << 12 | rd << 8 | (amount & 3) << 6 | kind << 4 | rm
    return Instruction(text + shift, (first, second_half), execute)


def move_half(name: str, rd: int, value: int) -> Instruction:
    """MOVW, MOVT."""

    def execute(m: Machine) -> None:
        m.r[rd] = value if name == "movw" else m.r[rd] & 0xFFFF | value << 16

    first = (0xF240 if name == "movw" else 0xF2C0) | bit(value, 11) << 10 | value >> 12
    second = (value >> 8 & 7) << 12 | rd << 8 | value & 0xFF
    return Instruction(f"{name}{{c}} {register(rd)}, #{value}", (first, second), execute)


def divide(name: str, rd: int, rn: int, rm: int) -> Instruction:
    """SDIV, UDIV (A7.7.127): by zero gives 0, or traps."""

    def execute(m: Machine) -> None:
        a, b = (signed(m.r[rn]), signed(m.r[rm])) if name == "sdiv" else (m.r[rn], m.r[rm])
        if b == 0 and m.traps_division:
            raise Fault(USAGE_FAULT, DIVBYZERO)
        quotient = abs(a) // abs(b) if b else 0
        m.r[rd] = (quotient if (a < 0) == (b < 0) else -quotient) & WORD

    first = (0xFB90 if name == "sdiv" else 0xFBB0) | rn
    text = f"{name}{{c}} {register(rd)}, {register(rn)}, {register(rm)}"
    return Instruction(text, (first, 0xF0F0 | rd << 8 | rm), execute)


def multiply_add(rd: int, rn: int, rm: int, ra: int) -> Instruction:
    """MLA."""

    def execute(m: Machine) -> None:
        m.r[rd] = (m.r[rn] * m.r[rm] + m.r[ra]) & WORD

    text = f"mla{{c}} {register(rd)}, {register(rn)}, {register(rm)}, {register(ra)}"
    return Instruction(text, (0xFB00 | rn, ra << 12 | rd << 8 | rm), execute)


def add_bytes(name: str, rd: int, rn: int, rm: int) -> Instruction:
    """UADD8, USUB8: four bytes at once, each with its GE flag (A7.7.190, A7.7.219)."""

    def execute(m: Machine) -> None:
        result = ge = 0
        for lane in range(4):
            a, b = m.r[rn] >> 8 * lane & 0xFF, m.r[rm] >> 8 * lane & 0xFF
            total = a + b if name == "uadd8" else a - b
            ge |= (total >= (0x100 if name == "uadd8" else 0)) << lane
            result |= (total & 0xFF) << 8 * lane
        m.r[rd], m.ge = result, ge

    first = (0xFA80 if name == "uadd8" else 0xFAC0) | rn
    text = f"{name}{{c}} {register(rd)}, {register(rn)}, {register(rm)}"
    return Instruction(text, (first, 0xF040 | rd << 8 | rm), execute)


def select(rd: int, rn: int, rm: int) -> Instruction:
    """SEL: each byte by its GE flag."""

    def execute(m: Machine) -> None:
        mask = sum(0xFF << 8 * lane for lane in range(4) if bit(m.ge, lane))
        m.r[rd] = m.r[rn] & mask | m.r[rm] & ~mask & WORD

    text = f"sel{{c}} {register(rd)}, {register(rn)}, {register(rm)}"
    return Instruction(text, (0xFAA0 | rn, 0xF080 | rd << 8 | rm), execute)


def saturate(rd: int, rn: int, bits: int) -> Instruction:
    """USAT: sets Q when the value does not fit."""

    def execute(m: Machine) -> None:
        value = signed(m.r[rn])
        m.r[rd] = min(max(value, 0), (1 << bits) - 1)
        m.q |= int(m.r[rd] != value)

    text = f"usat{{c}} {register(rd)}, #{bits}, {register(rn)}"
    return Instruction(text, (0xF380 | rn, rd << 8 | bits), execute)
