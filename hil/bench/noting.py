"""Notes what the host decides by besides frames, so that a replay decides the same."""

from __future__ import annotations

from collections.abc import Sequence

from hil.bench.board import Board
from hil.emulator.instruction_trace import InstructionTrace
from hil.flash.flasher import Flasher
from hil.link.host import Clock
from hil.link.log import FrameLog
from hil.link.port import Port
from hil.vocab import Kind

CLOCK, EXECUTED = "now_s", "executed_instructions"


def noting_clock(now: Clock, log: FrameLog) -> Clock:
    """The clock, every reading of which is noted."""

    def noted() -> float:
        value = now()
        log.note(CLOCK, value)
        return value

    return noted


class NotingBoard:
    """A board whose count of executed instructions is noted whenever it is asked for."""

    def __init__(self, board: Board, log: FrameLog) -> None:
        self._board = board
        self._log = log

    @property
    def id(self) -> str:
        """See Board."""
        return self._board.id

    @property
    def kind(self) -> Kind:
        """See Board."""
        return self._board.kind

    @property
    def flasher(self) -> Flasher:
        """See Board."""
        return self._board.flasher

    def warm_up(self) -> None:
        """See Board."""
        self._board.warm_up()

    def open_port(self) -> Port:
        """See Board."""
        return self._board.open_port()

    def diagnosis(self) -> str:
        """See Board."""
        return self._board.diagnosis()

    def executed_instructions(self) -> int | None:
        """See Board."""
        count = self._board.executed_instructions()
        self._log.note(EXECUTED, count)
        return count

    def instruction_trace(self, marks: Sequence[int]) -> InstructionTrace | None:
        """See Board."""
        return self._board.instruction_trace(marks)

    def close(self) -> None:
        """See Board."""
        self._board.close()
