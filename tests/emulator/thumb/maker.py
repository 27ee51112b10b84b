"""Random instructions that may stand anywhere, in IT blocks too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from tests.emulator.thumb import accesses, arithmetic, control, floats
from tests.emulator.thumb.instruction import Instruction
from tests.emulator.thumb.machine import SP

DATA = (0, 1, 2, 12, 14)
LOW_DATA = (0, 1, 2)
INDEX = 3
LOW_BASES, BASES = (4, 5, 6, 7), (4, 5, 6, 7, 8, 9)
EXCLUSIVE_BASE = 10  # of one word that only LDREX and STREX reach
FLOATS_COMPARED = 4  # S0 to S3 hold numbers; the others take whatever is loaded
RAM_PLACES = ("ram", "page end", "unaligned")


class Maker:
    """Makes instructions from `random`; `places` says what each base register points to."""

    def __init__(self, random: Random, places: Mapping[int, str]) -> None:
        self._random = random
        self._places = places

    def instruction(self) -> Instruction:
        """Any of them."""
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
                lambda: floats.compare_floats(
                    random.randrange(FLOATS_COMPARED), random.randrange(FLOATS_COMPARED)
                ),
                floats.float_flags,
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
            return floats.float_access(random.randrange(4, 16), base, load, random.randrange(0, 5))
        first = random.randrange(4, 12)
        return floats.float_multiple(first, random.randint(1, 4), base, load)
