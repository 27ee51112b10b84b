"""Runs a program on the emulated board and on the model, and compares them wherever it halts."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from hil.emulator.board import Board
from hil.emulator.chip import load_chip
from hil.emulator.core import StopReason
from hil.emulator.trace import unpack_trace
from tests.emulator.programs import WIRING
from tests.emulator.thumb import accesses, arithmetic, control
from tests.emulator.thumb.execution import Execution
from tests.emulator.thumb.instruction import Instruction, register
from tests.emulator.thumb.machine import (
    BUS_FAULT,
    FLASH_BASE,
    FLASH_BYTES,
    IT_BITS,
    LR,
    PC,
    PORT_BASE,
    RAM_BASE,
    RAM_BYTES,
    SP,
    SVCALL,
    USAGE_FAULT,
    WORD,
    Machine,
)
from tests.emulator.thumb.program import FLASH_DATA, Program

VTOR, CCR, SHCSR, CFSR, BFAR = 0xE000ED08, 0xE000ED14, 0xE000ED24, 0xE000ED28, 0xE000ED38
CPACR, RCC_AHB1ENR = 0xE000ED88, 0x40023830
DIV_0_TRP = 1 << 4
HANDLERS = FLASH_BASE + 0x400
XPSR, SPECIAL, FPSCR, S0 = 16, 20, 33, 64  # as in DCRSR.REGSEL
CONTROL_FPCA = 4 << 24  # in SPECIAL
PORT_WINDOW = range(PORT_BASE + 0x100, PORT_BASE + 0x200, 4)
RUN_TIMEOUT_S = 5.0
MAX_BLOCKS = 4096
# Frame words by register (B1.5.7).
FRAME = {0: 0, 1: 1, 2: 2, 3: 3, 12: 4, LR: 5}
FRAME_PC, FRAME_XPSR = 6, 7
GOOD_ADDRESS = RAM_BASE + 0x30040


class Difference(AssertionError):
    """The board and the model disagree."""


@dataclass(frozen=True)
class Checkpoint:
    """What must hold where the program halts, and what the debugger then does."""

    registers: dict[str, int]
    ram: bytes
    port: dict[int, int]
    instructions: int
    fixes: dict[int, int]  # registers set before going on; empty at the end
    memory_fixes: dict[int, int]


def fault_handler() -> list[Instruction]:
    """Halts, so that the debugger looks at the fault and mends or skips its instruction."""
    return [control.breakpoint_(1), control.branch_to_lr()]


def call_handler() -> list[Instruction]:
    """Changes all that exception return must restore, GE and the flags included."""
    return [
        arithmetic.narrow_immediate("mov", 0, 200),
        arithmetic.copy(1, 0),
        arithmetic.add_bytes("uadd8", 2, 0, 1),
        arithmetic.narrow("adc", 3, 2),
        arithmetic.copy(12, 1),
        control.if_then(1, [False]),
        arithmetic.narrow_immediate("add", 0, 3),
        accesses.from_stack(0, False, 0),  # over the stacked R0
        control.branch_to_lr(),
    ]


class Bench:
    """One board for many programs."""

    def __init__(self) -> None:
        self.board = Board(load_chip("stm32f746"), WIRING, -1)
        self.board.control.debug_enabled = 1  # so that BKPT halts
        self._handlers: dict[int, int] = {}
        self._handler_code: dict[int, Instruction] = {}
        self._load_flash()
        self.board.reset(hold=True)
        self._write_words({VTOR: FLASH_BASE, SHCSR: 7 << 16, CPACR: 0xF << 20, RCC_AHB1ENR: 1 << 2})
        self._flash = self.board.read(FLASH_BASE, FLASH_BYTES)
        self._ram = self.board.read(RAM_BASE, RAM_BYTES)

    def close(self) -> None:
        self.board.close()

    def _load_flash(self) -> None:
        board = self.board
        vectors = [RAM_BASE + RAM_BYTES, HANDLERS | 1] + [0] * 14
        address = HANDLERS
        for numbers, handler in (
            ((BUS_FAULT, USAGE_FAULT), fault_handler()),
            ((SVCALL,), call_handler()),
        ):
            for number in numbers:
                vectors[number] = address | 1
                self._handlers[number] = address
            for instruction in handler:
                self._handler_code[address] = instruction
                board.load(address, instruction.encoding)
                address += instruction.size
        board.load(FLASH_BASE, struct.pack("<16I", *vectors))
        board.load(FLASH_DATA, Random(0).randbytes(0x1000))

    def _write_words(self, words: Mapping[int, int]) -> None:
        for address, value in words.items():
            self.board.write(address, (value & WORD).to_bytes(4, "little"))

    def _word(self, address: int) -> int:
        return int.from_bytes(self.board.read(address, 4), "little")

    # ---- one program

    def compare(self, program: Program, choices: Random) -> int:
        """Runs the program cold and warm, untraced and traced; gives its count of instructions.

        Raises Difference.
        """
        model = self._model(program)
        checkpoints: list[Checkpoint] = []
        self.board.load(program.origin, program.encoding)  # forgets all translations and the TLB
        self._run(program, "cold", self._first_run(program, model, checkpoints, choices))
        self._run(program, "warm", iter(checkpoints))
        self.board.start_trace([], MAX_BLOCKS)
        self._run(program, "traced, cold", iter(checkpoints))
        self._run(program, "traced, warm", iter(checkpoints))
        traced = unpack_trace(self.board.stop_trace()).instructions
        instructions = checkpoints[-1].instructions
        if traced != 2 * instructions:
            raise Difference(f"the trace holds {traced} instructions, not 2 x {instructions}")
        self.board.load(program.origin, self._memory_before(program))
        return instructions

    def _memory_before(self, program: Program) -> bytes:
        size = len(program.encoding)
        if program.origin >= RAM_BASE:
            return self._ram[program.origin - RAM_BASE :][:size]
        return b"\xff" * size

    def _model(self, program: Program) -> Execution:
        ram = bytearray(self._ram)
        if program.origin >= RAM_BASE:
            at = program.origin - RAM_BASE
            ram[at : at + len(program.encoding)] = program.encoding
        machine = Machine(ram, self._flash, traps_division=program.traps_division)
        machine.r[:15] = program.registers
        machine.r[PC] = program.origin
        machine.s[:16] = program.floats
        machine.xpsr = program.flags
        machine.fpca = program.uses_floats
        return Execution(machine, self._handler_code | program.code, self._handlers)

    def _prepare(self, program: Program) -> None:
        board = self.board
        board.write_core_register(XPSR, program.flags)
        for number, value in enumerate((*program.registers, program.origin)):
            board.write_core_register(number, value)
        for number, value in enumerate(program.floats):
            board.write_core_register(S0 + number, value)
        board.write_core_register(FPSCR, 0)
        self._write_words(dict.fromkeys(PORT_WINDOW, 0))
        self._write_words({CCR: 0x200 | (DIV_0_TRP if program.traps_division else 0), CFSR: WORD})
        board.write_core_register(SPECIAL, CONTROL_FPCA if program.uses_floats else 0)

    def _run(self, program: Program, how: str, checkpoints: Iterator[Checkpoint]) -> None:
        board = self.board
        self._prepare(program)
        before = board.control.instructions
        ram_before = board.read(RAM_BASE, RAM_BYTES)
        for checkpoint in checkpoints:
            board.resume()
            if not board.wait_halted(RUN_TIMEOUT_S):
                board.halt()
                raise Difference(f"{how}: the board does not halt")
            if board.stop_reason is not StopReason.BREAKPOINT:
                raise Difference(f"{how}: the board stopped for {board.stop_reason.name}")
            self._check(how, checkpoint, board.control.instructions - before)
            for number, value in checkpoint.fixes.items():
                board.write_core_register(number, value)
            self._write_words(checkpoint.memory_fixes)
            self._write_words({CFSR: WORD})
        self._restore_ram(ram_before)

    def _restore_ram(self, before: bytes) -> None:
        now = self.board.read(RAM_BASE, RAM_BYTES)
        for at in range(0, RAM_BYTES, 0x1000):
            page, old = now[at : at + 0x1000], before[at : at + 0x1000]
            if page == old:
                continue
            for word in range(0, 0x1000, 4):
                if page[word : word + 4] != old[word : word + 4]:
                    self.board.write(RAM_BASE + at + word, old[word : word + 4])

    # ---- the model's side

    def _first_run(
        self, program: Program, model: Execution, checkpoints: list[Checkpoint], choices: Random
    ) -> Iterator[Checkpoint]:
        """Checkpoints made as the board reaches them."""
        retried: set[int] = set()
        while True:
            model.fault = None
            model.run()
            machine = model.machine
            fixes: dict[int, int] = {}
            memory_fixes: dict[int, int] = {}
            if model.fault is not None:
                frame = machine.r[SP]
                place = machine.load(frame + 4 * FRAME_PC, 4)
                base = model.faulted.base if model.faulted else None
                retry = base not in (None, SP) and place not in retried and choices.random() < 0.6
                if retry and base is not None:
                    retried.add(place)
                    if base in FRAME:
                        memory_fixes[frame + 4 * FRAME[base]] = GOOD_ADDRESS
                    else:
                        fixes[base] = GOOD_ADDRESS
                else:
                    memory_fixes = _skipping(machine, frame, place, model.faulted)
                fixes[PC] = machine.r[PC] + 2
            checkpoint = Checkpoint(
                registers=self._expected(model),
                ram=bytes(machine.ram),
                port={at: machine.port.get(at, 0) for at in PORT_WINDOW},
                instructions=machine.instructions,
                fixes=fixes,
                memory_fixes=memory_fixes,
            )
            yield checkpoint
            checkpoints.append(checkpoint)
            if model.fault is None:
                return
            for number, value in fixes.items():
                machine.r[number] = value
            for address, value in memory_fixes.items():
                machine.store(address, 4, value)

    def _expected(self, model: Execution) -> dict[str, int]:
        machine = model.machine
        expected = {register(number): machine.r[number] for number in range(16)}
        expected |= {f"s{number}": machine.s[number] for number in range(16)}
        expected |= {"xpsr": machine.xpsr, "fpscr": machine.fpscr}
        expected |= {"control": 4 if machine.fpca else 0}
        expected |= {"cfsr": model.fault.cause if model.fault else 0}
        if model.fault and model.fault.number == BUS_FAULT:
            expected["bfar"] = model.fault.address & WORD
        return expected

    def _actual(self, names: Mapping[str, int]) -> dict[str, int]:
        board = self.board
        actual = {register(number): board.read_core_register(number) for number in range(16)}
        actual |= {f"s{number}": board.read_core_register(S0 + number) for number in range(16)}
        actual |= {"xpsr": board.read_core_register(XPSR), "fpscr": board.read_core_register(FPSCR)}
        actual |= {"control": board.read_core_register(SPECIAL) >> 24, "cfsr": self._word(CFSR)}
        if "bfar" in names:
            actual["bfar"] = self._word(BFAR)
        return actual

    def _check(self, how: str, expected: Checkpoint, instructions: int) -> None:
        actual = self._actual(expected.registers)
        wrong = [
            f"{name}: board {actual[name]:#010x}, model {value:#010x}"
            for name, value in expected.registers.items()
            if actual[name] != value
        ]
        if instructions != expected.instructions:
            wrong.append(f"instructions: board {instructions}, model {expected.instructions}")
        ram = self.board.read(RAM_BASE, RAM_BYTES)
        if ram != expected.ram:
            wrong += [
                f"[{RAM_BASE + at:#x}]: board {ram[at : at + 4].hex()}, model {expected.ram[at : at + 4].hex()}"
                for at in range(0, RAM_BYTES, 4)
                if ram[at : at + 4] != expected.ram[at : at + 4]
            ][:10]
        wrong += [
            f"[{at:#x}]: board {self._word(at):#x}, model {value:#x}"
            for at, value in expected.port.items()
            if self._word(at) != value
        ]
        if wrong:
            where = f"at {expected.registers['pc']:#x}, frame {self._frame(expected)}"
            raise Difference("\n".join([f"{how}, halted {where}:", *wrong]))

    def _frame(self, expected: Checkpoint) -> str:
        at = expected.registers["sp"] - RAM_BASE
        return " ".join(f"{word:#x}" for word in struct.unpack_from("<8I", expected.ram, at))


def _skipping(
    machine: Machine, frame: int, place: int, faulted: Instruction | None
) -> dict[int, int]:
    """What a handler writes into the frame to go on after the instruction that faulted."""
    assert faulted is not None
    xpsr = machine.load(frame + 4 * FRAME_XPSR, 4)
    after = Machine(bytearray(), b"")
    after.xpsr = xpsr
    after.advance_it()
    return {
        frame + 4 * FRAME_PC: place + faulted.size,
        frame + 4 * FRAME_XPSR: xpsr & ~IT_BITS | after.xpsr & IT_BITS,
    }
