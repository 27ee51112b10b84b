"""Random programs: IT blocks and what stands between them, over pages of all kinds."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from tests.emulator.thumb import accesses, arithmetic, control
from tests.emulator.thumb.instruction import Instruction
from tests.emulator.thumb.machine import PORT_BASE, RAM_BASE, RAM_BYTES, Machine
from tests.emulator.thumb.maker import (
    BASES,
    EXCLUSIVE_BASE,
    FLOATS_COMPARED,
    INDEX,
    LOW_BASES,
    LOW_DATA,
    Maker,
)
from tests.emulator.thumb.program import (
    FLASH_CODE,
    FLASH_DATA,
    PAGE,
    RAM_CODE,
    STACK,
    Program,
)

COUNTER = 11
PAGES = 60
GAP = 0x40002480  # between peripherals
NOWHERE = (0x30000080, 0x70000080, 0x20060000)
INTERESTING = (0, 1, 2, 3, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x80, 0xFF00FF00)

# What a base register points to, and how often.
PLACES = {
    "ram": 8,
    "page end": 4,
    "unaligned": 3,
    "flash": 3,
    "port": 3,
    "nowhere": 2,
    "gap": 2,
    "ram end": 3,
}


class Generator:
    """Makes one program from `random`, whose bases point to `places` as often as these weigh."""

    def __init__(self, random: Random, places: Mapping[str, int] = PLACES) -> None:
        self._random = random
        self._places = {base: random.choices([*places], [*places.values()])[0] for base in BASES}
        self._values = {base: self._address(place) for base, place in self._places.items()}
        self._maker = Maker(random, self._places)
        self._lines: list[tuple[Instruction, int | None]] = []

    def program(self) -> Program:
        """Up to three turns of a loop over random instructions."""
        random = self._random
        self._add(accesses.clear_exclusive())
        for _ in range(random.randint(3, 9)):
            self._item()
        body = sum(instruction.size for instruction, _ in self._lines[1:])
        self._add(count_down())
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
        page = RAM_BASE + 0x10000 + random.randrange(PAGES) * PAGE
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
        if place == "gap":
            return GAP
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
                self._add(self._maker.instruction())

    def _it_block(self) -> None:
        random = self._random
        condition = random.randrange(15)
        count = random.randint(1, 4)
        otherwise = [condition != 14 and random.random() < 0.4 for _ in range(count - 1)]
        self._add(control.if_then(condition, otherwise))
        conditions = [condition, *(condition ^ is_else for is_else in otherwise)]
        for each in conditions[:-1]:
            self._add(self._maker.instruction(), each)
        if random.random() < 0.15:
            skipped = [self._maker.instruction() for _ in range(random.randint(0, 2))]
            self._add(control.branch(_skip(skipped, 2)), conditions[-1])
            for instruction in skipped:
                self._add(instruction)
        else:
            self._add(self._maker.instruction(), conditions[-1])

    def _branch(self) -> None:
        random = self._random
        skipped = [self._maker.instruction() for _ in range(random.randint(1, 3))]
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


def count_down() -> Instruction:
    """SUBS.W of the loop's counter by 1."""

    def execute(m: Machine) -> None:
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
