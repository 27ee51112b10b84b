from __future__ import annotations

from hil.report.html.numerics import numerics_views
from hil.report.html.words import ABSENT, Shown
from tests.pages import page_runs


def test_a_figure_that_is_not_there_says_why_where_it_would_stand() -> None:
    tflm, litert = numerics_views(page_runs())[0].lines
    assert tflm.sqnr == Shown(ABSENT, "the outputs are equal")
    assert litert.sqnr.text.endswith(" dB")


def test_histograms_are_there_in_figures_too() -> None:
    view = numerics_views(page_runs())[0]
    (drawn,) = view.charts
    (bars,) = drawn.spec["data"]
    litert = view.lines[1]
    assert [count for _, count in litert.bins] == bars["y"]
    assert [text for text, _ in litert.bins] == bars["x"]
    assert litert.bin_unit == "LSB"
