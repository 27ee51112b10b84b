"""How many instructions of each class a traced run executed, by operator and by function.

Counts are exact: they come from executions of whole blocks (hil.emulator.trace), whose sum is the
board's own instruction counter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hil.emulator.trace import BlockCount, BlockTrace
from hil.errors import BenchError, BuildError
from hil.instruction_mix.classify import instruction_class, split_instructions
from hil.instruction_mix.code import Function, ImageCode
from hil.vocab import InstructionClass

# Functions of the image that are called before and after each operator.
OPERATOR_BEGIN, OPERATOR_END = "hil_operator_begin", "hil_operator_end"
OPERATOR_MARKS = (OPERATOR_BEGIN, OPERATOR_END)
NO_FUNCTION = "(no function)"

_Counts = Counter[tuple[Function | None, InstructionClass]]


@dataclass(frozen=True)
class Mix:
    """Instructions by class."""

    counts: Mapping[InstructionClass, int]  # of every class

    @property
    def total(self) -> int:
        """All instructions."""
        return sum(self.counts.values())

    def share(self, kind: InstructionClass) -> float:
        """Part of the instructions that are of this class, 0 to 1; 0 where there are none."""
        return self.counts[kind] / self.total if self.total else 0.0


@dataclass(frozen=True)
class FunctionMix:
    """What was executed in one function itself, without those it calls.

    `share` is its part of all instructions of the stretch, 0 to 1.
    """

    name: str
    address: int | None  # None: code outside every function
    mix: Mix
    share: float


@dataclass(frozen=True)
class StretchMix:
    """What was executed in one stretch of a run. `functions` begin with the largest."""

    mix: Mix
    functions: tuple[FunctionMix, ...]


@dataclass(frozen=True)
class InstructionMix:
    """A run, taken apart.

    `operators` are in the order in which they began; `inside` is all of them together, `outside`
    what was executed between, before and after them.
    """

    operators: tuple[StretchMix, ...]
    inside: StretchMix
    outside: StretchMix

    @property
    def total(self) -> int:
        """All instructions: what the board's counter advanced by."""
        return self.inside.mix.total + self.outside.mix.total


def instruction_mix(trace: BlockTrace, code: ImageCode) -> InstructionMix:
    """The mix of a run that was traced with the addresses of OPERATOR_MARKS as marks.

    An operator within another one (the body of a WHILE) is one of its own, and is no part of the
    other. Raises BenchError when the trace is not of this image, BuildError when the image does not
    tell its operators apart.
    """
    begin, end = code.addresses_of(OPERATOR_MARKS)
    if begin == end:
        raise BuildError(
            f"{OPERATOR_BEGIN} and {OPERATOR_END} are one function: the compiler merged them",
            hint="declare them noipa",
        )
    owners, operator_count = _owners(trace, begin, end)
    operators: list[_Counts] = [Counter() for _ in range(operator_count)]
    outside: _Counts = Counter()
    for segment, counts in _segments(trace, code).items():
        owner = owners[segment]
        (outside if owner is None else operators[owner]).update(counts)
    inside: _Counts = Counter()
    for counts in operators:
        inside.update(counts)
    return InstructionMix(
        tuple(_stretch(counts) for counts in operators), _stretch(inside), _stretch(outside)
    )


def segment_mixes(trace: BlockTrace, code: ImageCode) -> tuple[StretchMix, ...]:
    """The mix of each segment of a trace with marks of any meaning. Raises BenchError."""
    segments = _segments(trace, code)
    return tuple(_stretch(segments.get(i, Counter())) for i in range(len(trace.marks)))


def _owners(trace: BlockTrace, begin: int, end: int) -> tuple[list[int | None], int]:
    """Which operator each segment belongs to, if any, and how many operators there are."""
    owners: list[int | None] = []
    running: list[int] = []
    count = 0
    for mark in trace.marks:
        if mark == begin:
            running.append(count)
            count += 1
        elif mark == end and running:
            running.pop()
        owners.append(running[-1] if running else None)
    return owners, count


def _segments(trace: BlockTrace, code: ImageCode) -> dict[int, _Counts]:
    reader = _BlockReader(code)
    segments: dict[int, _Counts] = {}
    for block in trace.blocks:
        counts = segments.setdefault(block.segment, Counter())
        for key, instructions in reader.read(block).items():
            counts[key] += instructions * block.executions
    return segments


class _BlockReader:
    """What blocks hold; each is read once."""

    def __init__(self, code: ImageCode) -> None:
        self._code = code
        self._known: dict[tuple[int, int], _Counts] = {}

    def read(self, block: BlockCount) -> _Counts:
        key = block.address, block.size
        if key not in self._known:
            self._known[key] = self._read(block)
        return self._known[key]

    def _read(self, block: BlockCount) -> _Counts:
        data = self._code.bytes_at(block.address, block.size)
        if data is None:
            function = self._code.function_at(block.address)
            return Counter({(function, InstructionClass.UNKNOWN): block.instructions})
        counts: _Counts = Counter(
            (self._code.function_at(block.address + at), instruction_class(instruction))
            for at, instruction in split_instructions(data)
        )
        if counts.total() != block.instructions:
            raise BenchError(
                f"the board executed {block.instructions} instructions at {block.address:#010x}, "
                f"the image has {counts.total()} there",
                hint="trace and image must be of the same build",
            )
        return counts


def _stretch(counts: _Counts) -> StretchMix:
    total = counts.total()
    by_function: dict[Function | None, Counter[InstructionClass]] = {}
    for (function, kind), instructions in counts.items():
        by_function.setdefault(function, Counter())[kind] += instructions
    functions = [
        FunctionMix(
            name=function.name if function else NO_FUNCTION,
            address=function.address if function else None,
            mix=_mix(by_class.items()),
            share=by_class.total() / total,
        )
        for function, by_class in by_function.items()
    ]
    functions.sort(key=lambda entry: (-entry.mix.total, entry.address or 0))
    return StretchMix(_mix((kind, n) for (_, kind), n in counts.items()), tuple(functions))


def _mix(counts: Iterable[tuple[InstructionClass, int]]) -> Mix:
    by_class = dict.fromkeys(InstructionClass, 0)
    for kind, instructions in counts:
        by_class[kind] += instructions
    return Mix(by_class)
