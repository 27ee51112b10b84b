from __future__ import annotations

from hil.gate.change import Held
from hil.gate.entry import BaselineEntry
from hil.record import RunResult
from hil.report.html.operators import operator_views
from hil.report.html.page import Page
from hil.report.html.runs import run_views
from tests.pages import page_runs, slower_since


def held_under_other_conditions(run: RunResult, *accepted: str) -> Held:
    assert run.record is not None
    entry = BaselineEntry.of(run.record)
    condition = entry.condition.model_copy(update={"arena_placement": "dtcm"})
    other = entry.model_copy(update={"condition": condition})
    return Held("nightly", {entry.run_id: other}, frozenset(accepted))


def test_nothing_stands_beside_what_must_not_be_compared() -> None:
    run = page_runs()[0]
    held = held_under_other_conditions(run)
    (view,) = operator_views([run], held)
    assert view.refused == "arena_placement: dtcm -> sram"
    assert [line.change for line in view.lines] == ["", ""]
    assert len(view.charts[0].spec["data"]) == 1
    cells = run_views(Page([run], "2026", held=held))[0].cells
    assert cells[2].change == "not comparable"
    assert cells[2].change_why == "arena_placement: dtcm -> sram"


def test_a_difference_that_is_accepted_is_compared() -> None:
    run = page_runs()[0]
    (view,) = operator_views([run], held_under_other_conditions(run, "arena_placement"))
    assert view.refused == ""
    assert [line.change for line in view.lines] == ["=", "="]
    assert len(view.charts[0].spec["data"]) == 2


def test_all_operators_together_are_held_against_the_baselines() -> None:
    runs, gate = slower_since()
    total = operator_views(runs, gate.held(runs))[1].total
    assert total is not None
    assert (total.count, total.change, total.direction) == ("1,000", "+100 (+11.1%)", "worse")
