"""Random programs: IT blocks and what stands between them, over pages of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.emulator.thumb import accesses, arithmetic, control
from tests.emulator.thumb.instruction import Instruction, register
from tests.emulator.thumb.machine import FLASH_BASE, PORT_BASE, RAM_BASE, RAM_BYTES, SP

DATA = (0, 1, 2, 12, 14)
LOW_DATA = (0, 1, 2)
INDEX = 3
LOW_BASES, BASES = (4, 5, 6, 7), (4, 5, 6, 7, 8, 9)
EXCLUSIVE_BASE = 10  # of one word that only LDREX and STREX reach
COUNTER = 11
FLOATS_COMPARED = 4  # S0 to S3 hold numbers; the others take whatever is loaded
FLASH_DATA = FLASH_BASE + 0xC0000
FLASH_CODE, RAM_CODE = FLASH_BASE + 0x10000, RAM_BASE + 0x40000
STACK = RAM_BASE + 0x4000
PAGE = 0x400
NOWHERE = (0x40002480, 0x30000080, 0x70000080, 0x20060000)
INTERESTING = (0, 1, 2, 3, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x80, 0xFF00FF00)

# What a base register points to, and how often.
PLACES = {
    "ram": 8,
    "page end": 4,
    "unaligned": 1,
    "flash": 3,
    "port": 3,
    "nowhere": 2,
    "ram end": 1,
}
RAM_PLACES = ("ram", "page end", "unaligned")


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


class Generator:
    """Makes one program from `random`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._places = {base: random.choices([*PLACES], [*PLACES.values()])[0] for base in BASES}
        self._values = {base: self._address(place) for base, place in self._places.items()}
        self._lines: list[tuple[Instruction, int | None]] = []

    def program(self) -> Program:
        """Up to three turns of a loop over random instructions."""
        random = self._random
        self._add(accesses.clear_exclusive())
        for _ in range(random.randint(3, 9)):
            self._item()
        body = sum(instruction.size for instruction, _ in self._lines[1:])
        self._add(arithmetic_immediate_counter())
        self._add(control.branch_if_wide(1, -(body + 4 + 4)))
        self._add(control.breakpoint_(0))
        lines = tuple(self._lines)
        size = sum(instruction.size for instruction, _ in lines)
        in_ram = random.random() < 0.3
        # Somewhere in a page, or over the end of one.
        origin = (RAM_CODE if in_ram else FLASH_CODE) + random.randrange(0, 16) * PAGE
        origin += random.choice((random.randrange(0, PAGE, 2), PAGE - random.randrange(0, size, 2)))
        registers = [self._value() for _ in range(13)]
        registers[INDEX] = 4 * random.randrange(16)
        for base in BASES:
            registers[base] = self._values[base]
        registers[EXCLUSIVE_BASE] = RAM_BASE + 0x8000 + random.randrange(0, 16) * PAGE
        registers[COUNTER] = random.randint(1, 3)
        stack = STACK + random.choice((0, 4, PAGE, PAGE + 8, PAGE - 4))
        return Program(
            origin=origin,
            lines=lines,
            registers=(*registers, stack, self._value()),
            floats=tuple(self._float(number) for number in range(16)),
            flags=1 << 24 | random.getrandbits(5) << 27 | random.getrandbits(4) << 16,
            traps_division=random.random() < 0.5,
        )

    # ---- values

    def _value(self) -> int:
        random = self._random
        return random.choice(INTERESTING) if random.random() < 0.4 else random.getrandbits(32)

    def _float(self, number: int) -> int:
        if number >= FLOATS_COMPARED:
            return self._random.getrandbits(32)
        return self._random.choice((0, 0x3F800000, 0xBF800000, 0x40000000, 0x42280000))

    def _address(self, place: str) -> int:
        random = self._random
        page = RAM_BASE + 0x10000 + random.randrange(0, 128) * PAGE
        if place == "page end":
            return page + PAGE - 4 * random.randrange(0, 6)
        if place == "unaligned":
            return page + 0x100 + random.randrange(1, 4)
        if place == "flash":
            return FLASH_DATA + 0x200 + 4 * random.randrange(256)
        if place == "port":
            return PORT_BASE + 0x180
        if place == "nowhere":
            return random.choice(NOWHERE)
        if place == "ram end":
            return RAM_BASE + RAM_BYTES - 4 * random.randrange(1, 4)
        return page + 4 * random.randrange(64, 192)

    # ---- structure

    def _add(self, instruction: Instruction, condition: int | None = None) -> None:
        self._lines.append((instruction, condition))

    def _item(self) -> None:
        kind = self._random.random()
        if kind < 0.55:
            self._it_block()
        elif kind < 0.65:
            self._branch()
        elif kind < 0.75:
            self._reloaded_base()
        else:
            for _ in range(self._random.randint(1, 3)):
                self._add(self._instruction())

    def _it_block(self) -> None:
        random = self._random
        condition = random.randrange(15)
        count = random.randint(1, 4)
        otherwise = [condition != 14 and random.random() < 0.4 for _ in range(count - 1)]
        self._add(control.if_then(condition, otherwise))
        conditions = [condition, *(condition ^ is_else for is_else in otherwise)]
        for each in conditions[:-1]:
            self._add(self._instruction(), each)
        if random.random() < 0.15:
            skipped = [self._instruction() for _ in range(random.randint(0, 2))]
            self._add(control.branch(_skip(skipped, 2)), conditions[-1])
            for instruction in skipped:
                self._add(instruction)
        else:
            self._add(self._instruction(), conditions[-1])

    def _branch(self) -> None:
        random = self._random
        skipped = [self._instruction() for _ in range(random.randint(1, 3))]
        offset = _skip(skipped, 2)
        if random.random() < 0.5:
            self._add(control.branch_if(random.randrange(14), offset))
        else:
            self._add(control.branch_if_zero(random.choice(LOW_DATA), offset))
        for instruction in skipped:
            self._add(instruction)

    def _reloaded_base(self) -> None:
        """A load that takes its base along, which a fault in the middle must leave alone."""
        random = self._random
        base = random.choice(LOW_BASES)
        if random.random() < 0.5:
            self._add(
                accesses.narrow_multiple(base, [base, *random.sample(LOW_DATA, 2)], load=True)
            )
        else:
            pair = [base, random.choice(LOW_DATA)]
            random.shuffle(pair)
            self._add(
                accesses.double(pair[0], pair[1], base, True, random.randrange(-4, 5), "offset")
            )
        self._add(arithmetic.move_half("movw", base, self._values[base] & 0xFFFF))
        self._add(arithmetic.move_half("movt", base, self._values[base] >> 16))

    # ---- instructions that may stand anywhere

    def _instruction(self) -> Instruction:
        kinds: tuple[tuple[int, Callable[[], Instruction]], ...] = (
            (9, self._narrow_arithmetic),
            (6, self._wide_arithmetic),
            (2, self._status),
            (12, self._single),
            (5, self._double),
            (7, self._multiple),
            (3, self._stack),
            (2, self._exclusive),
            (3, self._float_access),
            (1, self._call),
        )
        weights, makers = zip(*kinds, strict=True)
        maker: Callable[[], Instruction] = self._random.choices(makers, weights)[0]
        return maker()

    def _data(self) -> int:
        return self._random.choice(DATA)

    def _low(self) -> int:
        return self._random.choice(LOW_DATA)

    def _narrow_arithmetic(self) -> Instruction:
        random = self._random
        rd, rm = self._low(), random.randrange(8)
        return random.choice(
            (
                lambda: arithmetic.narrow(random.choice([*arithmetic.NARROW]), rd, rm),
                lambda: arithmetic.narrow_immediate(
                    random.choice(("mov", "cmp", "add", "sub")), rd, random.randrange(256)
                ),
                lambda: arithmetic.narrow_shift(random.randrange(3), rd, rm, random.randint(1, 31)),
                lambda: arithmetic.three_registers(
                    random.choice(("add", "sub")), rd, random.randrange(8), rm
                ),
                lambda: arithmetic.copy(self._data(), random.randrange(13)),
                lambda: arithmetic.extend(random.randrange(4), rd, rm),
            )
        )()

    def _wide_arithmetic(self) -> Instruction:
        random = self._random
        rd, rn, rm = self._data(), random.randrange(13), random.randrange(13)
        return random.choice(
            (
                lambda: arithmetic.wide(
                    random.choice([*arithmetic.WIDE]),
                    random.random() < 0.5,
                    rd,
                    rn,
                    rm,
                    random.choice((0, 1, 2, 3)),
                    random.randint(1, 31),
                ),
                lambda: arithmetic.divide(random.choice(("udiv", "sdiv")), rd, rn, rm),
                lambda: arithmetic.multiply_add(rd, rn, rm, random.randrange(13)),
                lambda: arithmetic.add_bytes(random.choice(("uadd8", "usub8")), rd, rn, rm),
                lambda: arithmetic.select(rd, rn, rm),
                lambda: arithmetic.saturate(rd, rn, random.randrange(32)),
            )
        )()

    def _status(self) -> Instruction:
        random = self._random
        return random.choice(
            (
                control.nop,
                lambda: control.read_flags(self._data()),
                lambda: control.write_flags(self._data()),
                lambda: control.compare_floats(
                    random.randrange(FLOATS_COMPARED), random.randrange(FLOATS_COMPARED)
                ),
                control.float_flags,
            )
        )()

    def _call(self) -> Instruction:
        return control.supervisor_call(self._random.randrange(256))

    def _strict(self, base: int) -> bool:
        """Whether accesses by this base must be aligned: outside of RAM it is unpredictable."""
        return self._places[base] not in RAM_PLACES

    def _single(self) -> Instruction:
        random = self._random
        load = random.random() < 0.5
        kind = random.randrange(5 if load else 3)
        form = random.randrange(4)
        base = random.choice(LOW_BASES if form < 2 else BASES)
        if form == 0:
            kind = kind % 3
            return accesses.narrow_offset(self._low(), base, kind, load, random.randrange(16))
        if form == 1:
            return accesses.narrow_register(self._low(), base, INDEX, kind, load)
        step = 4 if self._strict(base) else 1
        if form == 2:
            return accesses.wide_offset(self._data(), base, kind, load, step * random.randrange(16))
        offset = step * random.randrange(-4, 5)
        return accesses.indexed(self._data(), base, kind, load, offset, random.random() < 0.5)

    def _double(self) -> Instruction:
        random = self._random
        rt, rt2 = random.sample(DATA, 2)
        mode = random.choice(("offset", "before", "after"))
        load = random.random() < 0.5
        return accesses.double(rt, rt2, random.choice(BASES), load, random.randrange(-4, 5), mode)

    def _multiple(self) -> Instruction:
        random = self._random
        load = random.random() < 0.5
        if random.random() < 0.5:
            base = random.choice(LOW_BASES)
            numbers = random.sample(LOW_DATA, random.randint(1, 3))
            if not load and random.random() < 0.3:
                numbers = [
                    number for number in range(base, 8) if random.random() < 0.6 or number == base
                ]
            return accesses.narrow_multiple(base, numbers, load)
        base = random.choice(BASES)
        pool = DATA if load else [number for number in (*range(13), 14) if number != base]
        numbers = random.sample(pool, random.randint(2, 4))
        return accesses.wide_multiple(
            base, numbers, load, random.random() < 0.5, random.random() < 0.5
        )

    def _stack(self) -> Instruction:
        random = self._random
        form = random.randrange(4)
        if form == 0:
            return accesses.push(random.sample((0, 1, 2, 3, 4, 5, 6, 7, 14), random.randint(1, 4)))
        if form == 1:
            return accesses.pop(random.sample(LOW_DATA, random.randint(1, 3)))
        return accesses.from_stack(self._low(), form == 2, random.randrange(32))

    def _exclusive(self) -> Instruction:
        random = self._random
        if random.random() < 0.5:
            return accesses.load_exclusive(self._data(), EXCLUSIVE_BASE, 2)
        rd, rt = random.sample(DATA, 2)
        return accesses.store_exclusive(rd, rt, EXCLUSIVE_BASE, 2)

    def _float_access(self) -> Instruction:
        random = self._random
        bases = [base for base in BASES if self._places[base] != "unaligned"] or [SP]
        base, load = random.choice(bases), random.random() < 0.5
        if random.random() < 0.6 or base == SP:
            return accesses.float_access(
                random.randrange(4, 16), base, load, random.randrange(0, 5)
            )
        first = random.randrange(4, 12)
        return accesses.float_multiple(first, random.randint(1, 4), base, load)


def arithmetic_immediate_counter() -> Instruction:
    """SUBS.W of the loop's counter by 1."""

    def execute(m: control.Machine) -> None:
        result, carry, overflow = arithmetic.SUB(m, m.r[COUNTER], 1)
        m.r[COUNTER] = result
        m.set_nz(result)
        m.c, m.v = carry or 0, overflow or 0

    return Instruction(
        f"subs.w r{COUNTER}, r{COUNTER}, #1", (0xF1B0 | COUNTER, COUNTER << 8 | 1), execute
    )


def _skip(skipped: list[Instruction], own_size: int) -> int:
    """Offset of a branch over these instructions: from its own address + 4."""
    return own_size + sum(instruction.size for instruction in skipped) - 4
