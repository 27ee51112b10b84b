"""Loads and stores (A7.7): single, double, multiple, exclusive, of floating-point registers."""

from __future__ import annotations

from tests.emulator.thumb.instruction import (
    Instruction,
    register,
    register_list,
    register_mask,
)
from tests.emulator.thumb.machine import SP, WORD, Machine, signed

# Suffix of the name, size in bytes, sign-extended.
STORE_KINDS = (("b", 1), ("h", 2), ("", 4))
LOAD_KINDS = (("b", 1, False), ("h", 2, False), ("", 4, False), ("sb", 1, True), ("sh", 2, True))


def _load(m: Machine, address: int, size: int, extend: bool) -> int:
    value = m.load(address, size)
    return signed(value, 8 * size) & WORD if extend else value


def _access(
    text: str,
    code: tuple[int, ...],
    rt: int,
    rn: int,
    kind: int,
    load: bool,
    offset: int,
    *,
    index: bool = True,
    writeback: bool = False,
) -> Instruction:
    size = LOAD_KINDS[kind][1]

    def execute(m: Machine) -> None:
        moved = (m.r[rn] + offset) & WORD
        address = moved if index else m.r[rn]
        if load:
            value = _load(m, address, size, LOAD_KINDS[kind][2])
        else:
            m.store(address, size, m.r[rt])
        if writeback:
            m.r[rn] = moved
        if load:
            m.r[rt] = value

    return Instruction(text, code, execute, rn)


def narrow_offset(rt: int, rn: int, kind: int, load: bool, scaled: int) -> Instruction:
    """LDR, STR, LDRB, ... of low registers with an unsigned offset in units of the size."""
    suffix, size = STORE_KINDS[kind]
    code = {4: 0x6000, 1: 0x7000, 2: 0x8000}[size] | load << 11 | scaled << 6 | rn << 3 | rt
    offset = scaled * size
    text = f"{'ldr' if load else 'str'}{suffix}{{c}} r{rt}, [r{rn}, #{offset}]"
    return _access(text, (code,), rt, rn, kind, load, offset)


def narrow_register(rt: int, rn: int, rm: int, kind: int, load: bool) -> Instruction:
    """The same with an offset register, and LDRSB, LDRSH."""
    suffix, size, extend = LOAD_KINDS[kind]
    number = (
        {"": 0, "h": 1, "b": 2}[suffix]
        if not load
        else {"sb": 3, "": 4, "h": 5, "b": 6, "sh": 7}[suffix]
    )

    def execute(m: Machine) -> None:
        address = (m.r[rn] + m.r[rm]) & WORD
        if load:
            m.r[rt] = _load(m, address, size, extend)
        else:
            m.store(address, size, m.r[rt])

    text = f"{'ldr' if load else 'str'}{suffix}{{c}} r{rt}, [r{rn}, r{rm}]"
    return Instruction(text, (0x5000 | number << 9 | rm << 6 | rn << 3 | rt,), execute, rn)


def from_stack(rt: int, load: bool, words: int) -> Instruction:
    """LDR, STR relative to SP."""
    text = f"{'ldr' if load else 'str'}{{c}} r{rt}, [sp, #{4 * words}]"
    code = 0x9000 | load << 11 | rt << 8 | words
    return _access(text, (code,), rt, SP, 2, load, 4 * words)


def _wide_code(kind: int, load: bool) -> int:
    size_code = {1: 0, 2: 0x20, 4: 0x40}[LOAD_KINDS[kind][1]]
    return 0xF800 | size_code | load << 4 | (0x100 if LOAD_KINDS[kind][2] else 0)


def wide_offset(rt: int, rn: int, kind: int, load: bool, offset: int) -> Instruction:
    """LDR.W, STR.W, ... with an offset of 12 bits."""
    suffix = LOAD_KINDS[kind][0]
    text = f"{'ldr' if load else 'str'}{suffix}{{c}}.w {register(rt)}, [{register(rn)}, #{offset}]"
    code = (_wide_code(kind, load) | 0x80 | rn, rt << 12 | offset)
    return _access(text, code, rt, rn, kind, load, offset)


def indexed(rt: int, rn: int, kind: int, load: bool, offset: int, before: bool) -> Instruction:
    """Pre- or post-indexed, with writeback; `offset` is -255 to 255."""
    name = f"{'ldr' if load else 'str'}{LOAD_KINDS[kind][0]}{{c}} {register(rt)}, [{register(rn)}"
    text = f"{name}, #{offset}]!" if before else f"{name}], #{offset}"
    second = rt << 12 | 0x900 | before << 10 | (offset >= 0) << 9 | abs(offset)
    return _access(
        text,
        (_wide_code(kind, load) | rn, second),
        rt,
        rn,
        kind,
        load,
        offset,
        index=before,
        writeback=True,
    )


def double(rt: int, rt2: int, rn: int, load: bool, words: int, mode: str) -> Instruction:
    """LDRD, STRD; `mode` is "offset", "before" or "after"."""
    offset = 4 * words

    def execute(m: Machine) -> None:
        base = m.r[rn]
        moved = (base + offset) & WORD
        m.must_be_aligned(base)
        address = base if mode == "after" else moved
        if load:
            _load_multiple(m, address, [rt, rt2], rn)
        else:
            _store_multiple(m, address, [rt, rt2])
        if mode != "offset":
            m.r[rn] = moved

    name = f"{'ldrd' if load else 'strd'}{{c}} {register(rt)}, {register(rt2)}, [{register(rn)}"
    text = {
        "offset": f"{name}, #{offset}]",
        "before": f"{name}, #{offset}]!",
        "after": f"{name}], #{offset}",
    }[mode]
    first = (
        0xE840
        | (mode != "after") << 8
        | (words >= 0) << 7
        | (mode != "offset") << 5
        | load << 4
        | rn
    )
    return Instruction(text, (first, rt << 12 | rt2 << 8 | abs(words)), execute, rn)


def _load_multiple(m: Machine, start: int, numbers: list[int], base: int) -> None:
    """One by one, the base last: a fault leaves it alone, and the others unknown (B1.5.10)."""
    loaded = None
    for index, number in enumerate(numbers):
        value = m.load(start + 4 * index, 4)
        if number == base:
            loaded = value
        else:
            m.r[number] = value
    if loaded is not None:
        m.r[base] = loaded


def _store_multiple(m: Machine, start: int, numbers: list[int]) -> None:
    for index, number in enumerate(numbers):
        m.store(start + 4 * index, 4, m.r[number])


def _multiple(m: Machine, start: int, numbers: list[int], base: int, load: bool) -> None:
    m.must_be_aligned(start)
    if load:
        _load_multiple(m, start, numbers, base)
    else:
        _store_multiple(m, start, numbers)


def narrow_multiple(rn: int, numbers: list[int], load: bool) -> Instruction:
    """LDM, STM of low registers; LDM writes back unless it loads the base."""
    numbers = sorted(numbers)
    writeback = not load or rn not in numbers

    def execute(m: Machine) -> None:
        base = m.r[rn]
        _multiple(m, base, numbers, rn, load)
        if writeback:
            m.r[rn] = (base + 4 * len(numbers)) & WORD

    text = (
        f"{'ldm' if load else 'stm'}{{c}} r{rn}{'!' if writeback else ''}, {register_list(numbers)}"
    )
    code = 0xC000 | load << 11 | rn << 8 | register_mask(numbers)
    return Instruction(text, (code,), execute, rn)


def wide_multiple(
    rn: int, numbers: list[int], load: bool, down: bool, writeback: bool
) -> Instruction:
    """LDM.W, LDMDB, STM.W, STMDB of two registers or more."""
    numbers = sorted(numbers)
    length = 4 * len(numbers)

    def execute(m: Machine) -> None:
        base = m.r[rn]
        _multiple(m, (base - length) & WORD if down else base, numbers, rn, load)
        if writeback:
            m.r[rn] = (base - length if down else base + length) & WORD

    name = ("ldm" if load else "stm") + ("db{c}" if down else "{c}.w")
    text = f"{name} {register(rn)}{'!' if writeback else ''}, {register_list(numbers)}"
    first = 0xE800 | (0x100 if down else 0x80) | writeback << 5 | load << 4 | rn
    return Instruction(text, (first, register_mask(numbers)), execute, rn)


def push(numbers: list[int]) -> Instruction:
    """PUSH of low registers and LR."""
    numbers = sorted(numbers)

    def execute(m: Machine) -> None:
        start = m.r[SP] - 4 * len(numbers)
        _multiple(m, start, numbers, SP, load=False)
        m.r[SP] = start

    code = 0xB400 | (14 in numbers) << 8 | register_mask(numbers) & 0xFF
    return Instruction(f"push{{c}} {register_list(numbers)}", (code,), execute, SP)


def pop(numbers: list[int]) -> Instruction:
    """POP of low registers."""
    numbers = sorted(numbers)

    def execute(m: Machine) -> None:
        start = m.r[SP]
        _multiple(m, start, numbers, SP, load=True)
        m.r[SP] = start + 4 * len(numbers)

    code = 0xBC00 | register_mask(numbers)
    return Instruction(f"pop{{c}} {register_list(numbers)}", (code,), execute, SP)


def load_exclusive(rt: int, rn: int, words: int) -> Instruction:
    """LDREX."""

    def execute(m: Machine) -> None:
        m.must_be_aligned(m.r[rn])
        m.r[rt], m.exclusive = m.load(m.r[rn] + 4 * words, 4), True

    text = f"ldrex{{c}} {register(rt)}, [{register(rn)}, #{4 * words}]"
    return Instruction(text, (0xE850 | rn, rt << 12 | 0xF00 | words), execute, rn)


def store_exclusive(rd: int, rt: int, rn: int, words: int) -> Instruction:
    """STREX to the address that was loaded last: the local monitor need not look at addresses."""

    def execute(m: Machine) -> None:
        m.must_be_aligned(m.r[rn])
        if m.exclusive:
            m.store(m.r[rn] + 4 * words, 4, m.r[rt])
        m.r[rd], m.exclusive = int(not m.exclusive), False

    text = f"strex{{c}} {register(rd)}, {register(rt)}, [{register(rn)}, #{4 * words}]"
    return Instruction(text, (0xE840 | rn, rt << 12 | rd << 8 | words), execute, rn)


def clear_exclusive() -> Instruction:
    """CLREX."""

    def execute(m: Machine) -> None:
        m.exclusive = False

    return Instruction("clrex{c}", (0xF3BF, 0x8F2F), execute)
