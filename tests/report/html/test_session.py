"""The page of a session."""

from __future__ import annotations

from dataclasses import replace

from hil.report.html.session import page_of
from hil.vocab import RunOrigin
from tests.pages import nights, page_runs
from tests.stored import SESSION


def test_only_nights_of_the_same_models_are_drawn() -> None:
    ours = [replace(point, model="har_int8") for point in nights(3)]
    noise = [replace(point, origin=RunOrigin.NOISE) for point in ours]
    page = page_of(SESSION, page_runs(), [*ours, *noise, *nights(3)])
    assert page.history == ours


def test_the_page_says_what_where_and_from_what() -> None:
    page = page_of(SESSION, page_runs(), [])
    assert page.title == "har on stm32f746"
    assert page.facts["command"] == "pytest --target stm32f746"
    assert page.facts["commit"] == "c0ffee"
    assert page_of(SESSION, [], []).title == "no runs"
