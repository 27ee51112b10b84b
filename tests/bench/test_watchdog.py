from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from hil.bench.emulated import EmulatedBoard
from hil.bench.watchdog import Watchdog


def watchdog(counts: Iterator[int | None], budget: int = 100) -> Watchdog:
    board = SimpleNamespace(executed_instructions=lambda: next(counts))
    return Watchdog(board, budget)


def test_a_real_boards_deadline_is_final() -> None:
    assert not watchdog(iter([None])).is_working()


def test_a_slow_board_is_waited_for() -> None:
    dog = watchdog(iter([1000, 1010, 1020, 1099]))
    assert [dog.is_working() for _ in range(4)] == [True] * 4


def test_a_board_that_stands_still_is_not() -> None:
    dog = watchdog(iter([1000, 1010, 1010]))
    assert [dog.is_working() for _ in range(3)] == [True, True, False]


def test_a_board_that_runs_in_circles_has_its_budget() -> None:
    dog = watchdog(iter([1000, 1050, 1100]))
    assert [dog.is_working() for _ in range(3)] == [True, True, False]


def test_each_request_has_the_whole_budget() -> None:
    dog = watchdog(iter([1000, 1099, 1100, 1190, 1200]))
    assert [dog.is_working() for _ in range(2)] == [True, True]
    dog.arm()
    assert [dog.is_working() for _ in range(3)] == [True, True, False]


@pytest.mark.emulated
def test_an_emulated_board_counts(board: EmulatedBoard) -> None:
    assert board.process.record
    assert board.executed_instructions() is not None
    board.process.close()
    assert board.executed_instructions() is None
