"""Runs programs on the emulated board, and compares it with the model wherever they halt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from random import Random

from hil.emulator.board import Board
from hil.emulator.chip import load_chip
from hil.emulator.core import StopReason
from hil.emulator.trace import unpack_trace
from tests.emulator.programs import WIRING
from tests.emulator.thumb.checkpoint import (
    FLOATS,
    PORT_WINDOW,
    Checkpoint,
    Difference,
    changed_words,
    checkpoints,
    describe,
)
from tests.emulator.thumb.execution import MOST_INSTRUCTIONS, Execution
from tests.emulator.thumb.image import Image
from tests.emulator.thumb.instruction import register
from tests.emulator.thumb.machine import (
    FLASH_BASE,
    FLASH_BYTES,
    PC,
    RAM_BASE,
    RAM_BYTES,
    SVCALL,
    WORD,
    Machine,
)
from tests.emulator.thumb.program import Program

VTOR, CCR, SHCSR, CFSR, BFAR = 0xE000ED08, 0xE000ED14, 0xE000ED24, 0xE000ED28, 0xE000ED38
CPACR, RCC_AHB1ENR = 0xE000ED88, 0x40023830
SETTINGS = {VTOR: FLASH_BASE, SHCSR: 7 << 16, CPACR: 0xF << 20, RCC_AHB1ENR: 1 << 2}
CCR_STKALIGN, CCR_DIV_0_TRP = 1 << 9, 1 << 4
XPSR, SPECIAL, FPSCR, S0 = 16, 20, 33, 64  # as in DCRSR.REGSEL
CONTROL_FPCA = 4 << 24  # in SPECIAL
RUN_TIMEOUT_S = 10.0
MAX_BLOCKS = 4096
MOST_WORDS_SHOWN = 10


@dataclass(frozen=True)
class Tally:
    """What a program did: instructions, and exceptions taken within an IT block."""

    instructions: int
    faults_in_it: int
    calls_in_it: int


def new_execution(program: Program, image: Image, ram: bytes, flash: bytes) -> Execution:
    """The model at the program's first instruction."""
    machine = Machine(bytearray(ram), flash, traps_division=program.traps_division)
    if program.origin >= RAM_BASE:
        at = program.origin - RAM_BASE
        machine.ram[at : at + len(program.encoding)] = program.encoding
    machine.r[:15] = program.registers
    machine.r[PC] = program.origin
    machine.s[:FLOATS] = program.floats
    machine.xpsr = program.flags
    machine.fpca = program.uses_floats
    return Execution(machine, image.code | program.code, image.handlers)


class Bench:
    """One board for many programs."""

    def __init__(self) -> None:
        self.board = Board(load_chip("stm32f746"), WIRING, -1)
        self.board.control.debug_enabled = 1  # so that BKPT halts
        self._image = Image()
        for address, data in self._image.parts().items():
            self.board.load(address, data)
        self.board.reset(hold=True)
        self._write_words(SETTINGS)
        self._flash = self.board.read(FLASH_BASE, FLASH_BYTES)
        self._ram = self.board.read(RAM_BASE, RAM_BYTES)

    def close(self) -> None:
        self.board.close()

    def compare(self, program: Program, choices: Random) -> Tally:
        """Runs the program cold and warm, untraced and traced, and steps it. Raises Difference.

        Cold: neither translations nor entries of the TLB are left of another program. The bench is
        of no use after a Difference.
        """
        execution = new_execution(program, self._image, self._ram, self._flash)
        expected = list(checkpoints(execution, choices))
        self.board.load(program.origin, program.encoding)  # forgets all translations and the TLB
        self._run(program, "cold", expected)
        self._run(program, "warm", expected)
        self.board.start_trace([], MAX_BLOCKS)
        self._run(program, "traced, cold", expected)
        self._run(program, "traced, warm", expected)
        self._run(program, "traced, stepped", expected)
        traced = unpack_trace(self.board.stop_trace()).instructions
        instructions = expected[-1].instructions
        if traced != 3 * instructions:
            raise Difference(f"the trace holds {traced} instructions, not 3 x {instructions}")
        self.board.load(program.origin, self._before(program))
        taken = [number for number, it_state in execution.machine.taken if it_state]
        calls = taken.count(SVCALL)
        return Tally(instructions, len(taken) - calls, calls)

    def _before(self, program: Program) -> bytes:
        """What was where the program is."""
        base, memory = (
            (RAM_BASE, self._ram) if program.origin >= RAM_BASE else (FLASH_BASE, self._flash)
        )
        return memory[program.origin - base :][: len(program.encoding)]

    def _write_words(self, words: Mapping[int, int]) -> None:
        for address, value in words.items():
            self.board.write(address, (value & WORD).to_bytes(4, "little"))

    def _word(self, address: int) -> int:
        return int.from_bytes(self.board.read(address, 4), "little")

    def _prepare(self, program: Program) -> None:
        board = self.board
        board.write_core_register(XPSR, program.flags)
        for number, value in enumerate((*program.registers, program.origin)):
            board.write_core_register(number, value)
        for number, value in enumerate(program.floats):
            board.write_core_register(S0 + number, value)
        board.write_core_register(FPSCR, 0)
        board.write_core_register(SPECIAL, CONTROL_FPCA if program.uses_floats else 0)
        if program.uses_port:
            self._write_words(dict.fromkeys(PORT_WINDOW, 0))
        traps = CCR_DIV_0_TRP if program.traps_division else 0
        self._write_words({CCR: CCR_STKALIGN | traps, CFSR: WORD})

    def _run(self, program: Program, how: str, expected: Iterable[Checkpoint]) -> None:
        board = self.board
        self._prepare(program)
        instructions_before = board.control.instructions
        ram_before = board.read(RAM_BASE, RAM_BYTES)
        for checkpoint in expected:
            reason = self._step() if "stepped" in how else self._resume()
            if reason is not StopReason.BREAKPOINT:
                raise Difference(f"{how}: the board stopped for {reason.name}")
            ports = checkpoint.port if program.uses_port else {}
            self._check(how, checkpoint, board.control.instructions - instructions_before, ports)
            for number, value in checkpoint.fixes.items():
                board.write_core_register(number, value)
            self._write_words(checkpoint.memory_fixes)
            self._write_words({CFSR: WORD})
        now = board.read(RAM_BASE, RAM_BYTES)
        for at in changed_words(now, ram_before, 0, RAM_BYTES):
            board.write(RAM_BASE + at, ram_before[at : at + 4])

    def _resume(self) -> StopReason:
        self.board.resume()
        if not self.board.wait_halted(RUN_TIMEOUT_S):
            self.board.halt()
        return self.board.stop_reason

    def _step(self) -> StopReason:
        for _ in range(MOST_INSTRUCTIONS):
            reason = self.board.step(mask_interrupts=False)
            if reason is not StopReason.STEP:
                return reason
        return reason

    def _registers(self, expected: Mapping[str, int]) -> dict[str, int]:
        board = self.board
        actual = {register(number): board.read_core_register(number) for number in range(16)}
        actual |= {f"s{number}": board.read_core_register(S0 + number) for number in range(FLOATS)}
        actual |= {"xpsr": board.read_core_register(XPSR), "fpscr": board.read_core_register(FPSCR)}
        actual |= {"control": board.read_core_register(SPECIAL) >> 24, "cfsr": self._word(CFSR)}
        return actual | ({"bfar": self._word(BFAR)} if "bfar" in expected else {})

    def _check(
        self, how: str, expected: Checkpoint, instructions: int, ports: Mapping[int, int]
    ) -> None:
        actual = self._registers(expected.registers)
        wrong = [
            f"{name}: board {actual[name]:#010x}, model {value:#010x}"
            for name, value in expected.registers.items()
            if actual[name] != value
        ]
        if instructions != expected.instructions:
            wrong.append(f"instructions: board {instructions}, model {expected.instructions}")
        ram = self.board.read(RAM_BASE, RAM_BYTES)
        for at in islice(changed_words(ram, expected.ram, 0, RAM_BYTES), MOST_WORDS_SHOWN):
            pair = f"board {ram[at : at + 4].hex()}, model {expected.ram[at : at + 4].hex()}"
            wrong.append(f"[{RAM_BASE + at:#x}]: {pair}")
        for at, value in ports.items():
            if self._word(at) != value:
                wrong.append(f"[{at:#x}]: board {self._word(at):#x}, model {value:#x}")
        if wrong:
            raise Difference(describe(how, expected, wrong))
