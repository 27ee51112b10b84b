from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from hil.bench.board import Board, blamed_on
from hil.errors import LinkError


def board(diagnosis: str) -> Board:
    return cast(Board, SimpleNamespace(id="emu-1", diagnosis=lambda: diagnosis))


def test_errors_name_the_board_and_what_it_knows() -> None:
    with pytest.raises(LinkError) as caught, blamed_on(board("it refused a write")):
        raise LinkError("silence", detail="12 bytes came")
    assert caught.value.board == "emu-1"
    assert caught.value.detail == "it refused a write\n12 bytes came"


def test_a_board_that_was_named_already_stays_named() -> None:
    with pytest.raises(LinkError) as caught, blamed_on(board("")):
        raise LinkError("silence", board="the other")
    assert (caught.value.board, caught.value.detail) == ("the other", "")
