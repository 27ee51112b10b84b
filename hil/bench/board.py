"""A board to measure on, real or emulated: a flasher and a serial port."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Protocol

from hil.emulator.instruction_trace import InstructionTrace
from hil.errors import HilError
from hil.flash.flasher import Flasher
from hil.link.port import Port
from hil.vocab import Kind

# What stands in for an instruction mix where `Board.instruction_trace` gives None.
NO_INSTRUCTION_TRACE = "silicon does not count its instructions by kind; an emulated board does"


class Board(Protocol):
    """One board. Nothing above this may ask whether it is emulated, except to name its results."""

    @property
    def id(self) -> str:
        """Its identity in results: the probe's unique id, or `emu-TARGET-PID-N`."""

    @property
    def kind(self) -> Kind:
        """What its results are called."""

    @property
    def flasher(self) -> Flasher:
        """What programs it."""

    def warm_up(self) -> None:
        """Starts what takes time, in the background."""

    def open_port(self) -> Port:
        """Its serial port, freshly opened. Raises BenchError."""

    def diagnosis(self) -> str:
        """What the board itself knows about why it fell silent; "" when it cannot tell."""

    def executed_instructions(self) -> int | None:
        """Instructions since power-on, on a board that counts them; None on others.

        Never a latency: it tells a board that still works from one that hangs.
        """

    def instruction_trace(self, marks: Sequence[int]) -> InstructionTrace | None:
        """A context manager that counts every block of code executed in it.

        Each execution of the code at one of `marks` (addresses of functions) begins a new segment.
        None on a board that cannot: NO_INSTRUCTION_TRACE says why.
        """

    def close(self) -> None:
        """Lets go of it."""


@contextlib.contextmanager
def blamed_on(board: Board) -> Iterator[None]:
    """Errors in the block name the board, and tell what it knows of why it fell silent."""
    try:
        yield
    except HilError as error:
        error.board = error.board or board.id
        error.detail = "\n".join(part for part in (board.diagnosis(), error.detail) if part)
        raise
