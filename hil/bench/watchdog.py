"""Tells a board that is slow from one that hangs."""

from __future__ import annotations

from hil.bench.board import Board


class Watchdog:
    """Asked at the deadline of a request whether to go on waiting.

    A real board's deadline is final. An emulated board has a budget of instructions instead: on a
    busy host it may take any time for them, as long as it goes on at all.
    """

    def __init__(self, board: Board, budget_instructions: int) -> None:
        self._board = board
        self._budget = budget_instructions
        self._first: int | None = None
        self._last = 0

    def arm(self) -> None:
        """Begins anew: what comes is another request, with the whole budget."""
        self._first = None

    def is_working(self) -> bool:
        """Whether the board has executed something since the last call, and not too much since the
        first one after `arm`.
        """
        now = self._board.executed_instructions()
        if now is None:
            return False
        if self._first is None:
            self._first = self._last = now
            return True
        goes_on, self._last = now > self._last, now
        return goes_on and now - self._first < self._budget
