"""What the model says must hold wherever a program halts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.emulator.thumb.execution import Execution
from tests.emulator.thumb.instruction import Instruction, register
from tests.emulator.thumb.machine import (
    BUS_FAULT,
    IT_BITS,
    LR,
    PC,
    PORT_BASE,
    RAM_BASE,
    SP,
    WORD,
    Fault,
    Machine,
)

# Words of an exception's frame by register (B1.5.7).
FRAME = {0: 0, 1: 1, 2: 2, 3: 3, 12: 4, LR: 5}
FRAME_PC, FRAME_XPSR = 6, 7
GOOD_ADDRESS = RAM_BASE + 0x840
RETRIED = 0.6  # of the faults; the others' instructions are skipped
FLOATS = 16
PORT_WINDOW = range(PORT_BASE + 0x100, PORT_BASE + 0x200, 4)


class Difference(AssertionError):
    """The model and what it is compared with disagree."""


@dataclass(frozen=True)
class Checkpoint:
    """A state, and what a debugger changes before it goes on."""

    registers: dict[str, int]
    ram: bytes
    port: dict[int, int]
    instructions: int
    fixes: dict[int, int]  # registers by number; none at the program's end
    memory_fixes: dict[int, int]


def checkpoints(execution: Execution, choices: Random) -> Iterator[Checkpoint]:
    """Runs the model to each of its halts: after each fault, and at the end."""
    machine = execution.machine
    retried: set[int] = set()
    while True:
        execution.fault = None
        execution.run()
        fault = execution.fault
        fixes: dict[int, int] = {}
        memory_fixes: dict[int, int] = {}
        if fault is not None and execution.faulted is not None:
            fixes, memory_fixes = _mended(machine, execution.faulted, retried, choices)
        yield Checkpoint(
            registers=_registers(machine, fault),
            ram=bytes(machine.ram),
            port={at: machine.port.get(at, 0) for at in PORT_WINDOW},
            instructions=machine.instructions,
            fixes=fixes,
            memory_fixes=memory_fixes,
        )
        if fault is None:
            return
        for number, value in fixes.items():
            machine.r[number] = value
        for address, value in memory_fixes.items():
            machine.store(address, 4, value)


def _registers(machine: Machine, fault: Fault | None) -> dict[str, int]:
    registers = {register(number): machine.r[number] for number in range(16)}
    registers |= {f"s{number}": machine.s[number] for number in range(FLOATS)}
    registers |= {"xpsr": machine.xpsr, "fpscr": machine.fpscr}
    registers |= {"control": 4 if machine.fpca else 0, "cfsr": fault.cause if fault else 0}
    if fault and fault.number == BUS_FAULT:
        registers["bfar"] = fault.address & WORD
    return registers


def _mended(
    machine: Machine, faulted: Instruction, retried: set[int], choices: Random
) -> tuple[dict[int, int], dict[int, int]]:
    """Either gives the instruction another base and lets it be retried, or skips it."""
    fixes = {PC: machine.r[PC] + 2}  # behind the handler's BKPT
    frame = machine.r[SP]
    place = machine.load(frame + 4 * FRAME_PC, 4)
    base = faulted.base
    if base in (None, SP) or place in retried or choices.random() >= RETRIED:
        return fixes, _skipped(machine, frame, place + faulted.size)
    retried.add(place)
    if base in FRAME:
        return fixes, {frame + 4 * FRAME[base]: GOOD_ADDRESS}
    assert base is not None
    return fixes | {base: GOOD_ADDRESS}, {}


def _skipped(machine: Machine, frame: int, following: int) -> dict[int, int]:
    """PC and ITSTATE of the next instruction."""
    xpsr = machine.load(frame + 4 * FRAME_XPSR, 4)
    after = Machine(bytearray(), b"")
    after.xpsr = xpsr
    after.advance_it()
    return {
        frame + 4 * FRAME_PC: following,
        frame + 4 * FRAME_XPSR: xpsr & ~IT_BITS | after.xpsr & IT_BITS,
    }


def changed_words(now: bytes, before: bytes, begin: int, end: int) -> Iterator[int]:
    """Offsets of the words that differ."""
    if now[begin:end] == before[begin:end]:
        return
    if end - begin == 4:
        yield begin
        return
    step = 4 if end - begin <= 64 else (end - begin) // 16 & ~3
    for at in range(begin, end, step):
        yield from changed_words(now, before, at, min(at + step, end))


def describe(how: str, expected: Checkpoint, wrong: list[str]) -> str:
    """The text of a Difference: where, the stacked frame, and what is wrong."""
    at = expected.registers["sp"] - RAM_BASE
    words = [expected.ram[at + 4 * i : at + 4 * i + 4] for i in range(8)]
    frame = " ".join(f"{int.from_bytes(word, 'little'):#x}" for word in words)
    return "\n".join([f"{how}, halted at {expected.registers['pc']:#x}, at SP: {frame}", *wrong])
