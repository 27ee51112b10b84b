"""Execution of a program by the model, up to its next BKPT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.emulator.thumb.control import ExceptionReturn, Halted, SupervisorCall
from tests.emulator.thumb.instruction import Instruction
from tests.emulator.thumb.machine import PC, SVCALL, Fault, Machine

MOST_INSTRUCTIONS = 2000


@dataclass
class Execution:
    """A machine, the code that it executes by address, and its exception handlers by number."""

    machine: Machine
    code: Mapping[int, Instruction]
    handlers: Mapping[int, int]
    fault: Fault | None = None  # the last one
    faulted: Instruction | None = None

    def run(self) -> None:
        """Executes up to a BKPT, which is not executed itself."""
        for _ in range(MOST_INSTRUCTIONS):
            if not self._step():
                return
        raise AssertionError("the program does not end")

    def _step(self) -> bool:
        m = self.machine
        address = m.r[PC]
        instruction = self.code[address]
        following = address + instruction.size
        it_state = m.it
        if it_state and not m.condition_holds(it_state >> 4):
            m.r[PC] = following
            m.advance_it()
            m.instructions += 1
            return True
        try:
            instruction.execute(m)
        except Halted:
            return False
        except Fault as fault:
            self.fault, self.faulted = fault, instruction
            m.enter(fault.number, self.handlers[fault.number], address)
            return True
        except SupervisorCall:
            m.instructions += 1
            m.advance_it()
            m.enter(SVCALL, self.handlers[SVCALL], following)
            return True
        except ExceptionReturn:
            m.instructions += 1
            m.leave()
            return True
        m.instructions += 1
        if m.r[PC] == address:
            m.r[PC] = following
        if it_state:
            m.advance_it()
        return True
