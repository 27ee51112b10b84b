"""The HTML report, without a browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.record import RunResult, Verdict
from hil.report.html.page import Page, as_json, render, write_html
from hil.report.html.schemes import scheme_views
from hil.report.html.words import ABSENT
from hil.resources import templates_dir
from hil.vocab import CheckName, Status
from tests.pages import make_page, nights, page_runs

PAGE = render(make_page())
# The early one, two of data, plotly.js, and the page's own.
SCRIPTS = 5
VOID = {"meta", "link", "input", "br", "hr", "img"}
NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}\u202e"


class Checker(HTMLParser):
    """Elements that are not closed in the order in which they were opened; ids; links outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.scripts += tag == "script"
        if found.get("id"):
            self.ids.append(str(found["id"]))
        for name in ("src", "href"):
            value = found.get(name) or ""
            if value and not value.startswith(("#", "data:")):
                self.outside.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def checked(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    return checker


def visible(text: str) -> str:
    """The page without scripts and tags."""
    body = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_the_page_is_sound_and_needs_nothing_from_outside() -> None:
    checker = checked(PAGE)
    assert checker.wrong == []
    assert checker.open == []
    assert len(checker.ids) == len(set(checker.ids))
    assert checker.outside == []
    assert 'http-equiv="Content-Security-Policy"' in PAGE


def test_plotly_is_there_once() -> None:
    assert PAGE.count("plotly.js v") == 1
    assert checked(PAGE).scripts == SCRIPTS


def test_the_verdict_comes_first_with_figures_and_causes() -> None:
    text = visible(PAGE)
    assert text.index("1 of 3 runs failed") < text.index("latency.median 900 -&gt; 1,000")
    assert text.index("latency.median 900 -&gt; 1,000") < text.index("Skip") + 10_000
    assert "slower: operator 0 CONV_2D, instructions +100" in text
    assert "vanished: the baseline has gone" in text
    assert "emulated: instruction counts, not time" in text


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        (Status.PASS, "All good"),
        (Status.FAIL, "1 of 1 runs failed"),
        (Status.ERROR, "1 of 1 runs could not be measured"),
    ],
)
def test_the_headline_follows_from_the_runs(status: Status, headline: str) -> None:
    run = page_runs()[0]
    run.verdicts[CheckName.ARENA] = Verdict(check=CheckName.ARENA, status=status, reason="so")
    assert headline in visible(render(Page([run], "2026-11-25T03:00:00+00:00")))


def test_a_page_of_nothing_is_no_success() -> None:
    text = visible(render(Page([], "2026-11-25T03:00:00+00:00")))
    assert "Nothing was measured" in text
    assert "All good" not in text


def test_all_parts_are_there() -> None:
    text = visible(PAGE)
    for words in (
        "1,000 instructions +11.11% worse",
        "pytest --target stm32f746 -k stm32f746-har_int8 --hil-kernels reference "
        "--hil-tflm 2020 --hil-baseline nightly",
        "★ Pareto",
        "conv.cc",
        "+100 (+16.7%)",
        "SQNR",
        "3 of 4 vectors on the diagonal",
        "head: activations",
        "stack, used at most",
        "60 runs",
        "core clock 216 MHz",
        "fewer than 1000 samples say nothing of it",
    ):
        assert words in text, words


def test_what_is_absent_is_a_dash_with_a_reason() -> None:
    run = RunResult("har", "m", "stm32f746", "reference", reason="no probe")
    run.verdicts[CheckName.ARENA] = Verdict(
        check=CheckName.ARENA, status=Status.ERROR, reason="no probe"
    )
    text = render(Page([run], "2026-11-25T03:00:00+00:00"))
    assert text.count(f'title="no probe">{ABSENT}') == 5


def test_nothing_from_outside_is_markup() -> None:
    runs = page_runs(model=NASTY, suite=NASTY, board=NASTY)
    record = runs[0].record
    assert record is not None
    tensor = record.comparisons["litert"].tensors[0].model_copy(update={"name": NASTY})
    litert = record.comparisons["litert"].model_copy(update={"tensors": (tensor,), "label": NASTY})
    operators = tuple(o.model_copy(update={"name": NASTY}) for o in record.operators or ())
    runs[0].record = record.model_copy(
        update={"comparisons": {"litert": litert}, "operators": operators}
    )
    runs[2].reason = NASTY
    history = [replace(point, model=NASTY, reason=NASTY) for point in nights(5)]
    page = Page(runs, NASTY, title=NASTY, notes=[NASTY], history=history, facts={NASTY: NASTY})
    text = render(page)
    checker = checked(text)
    assert checker.wrong == []
    assert checker.scripts == SCRIPTS
    assert "<img" not in text
    assert "{{7*7}}" in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


def test_charts_hold_no_markup_for_plotly() -> None:
    runs = page_runs(model="<b>bold</b><a href='https://example.org'>x</a>")
    (view,) = scheme_views(runs)
    said = json.dumps(view.charts[0].spec)
    assert "<b>" not in said
    assert "<a " not in said
    assert "&lt;b&gt;" in said


def test_json_cannot_end_a_script_and_comes_back_as_it_was() -> None:
    value = {"a": NASTY + "\u2028\u2029&"}
    text = as_json(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot write"):
        write_html(tmp_path / "none" / "r.html", Page([], "2026"))
    write_html(tmp_path / "r.html", Page([], "2026"))
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


# ---- colours


def themes() -> list[dict[str, str]]:
    style = (templates_dir() / "report.css").read_text()
    blocks = re.findall(r":root[^{]*\{\s*(--page.*?)\}", style, re.S)
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in blocks]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_text_has_the_contrast_of_level_aa_in_every_theme() -> None:
    found = themes()
    assert len(found) == 3
    assert found[1] == found[2]
    for theme in found:
        for ground in ("page", "card", "stripe", "good", "bad", "care"):
            inks = ["ink", "red", "green", "amber", "blue"]
            if ground in ("page", "card", "stripe"):
                inks.append("muted")
            for ink in inks:
                assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)


def test_what_is_drawn_has_the_contrast_of_level_aa_in_every_theme() -> None:
    for theme in themes():
        for ink in ("blue", "grey", "red", "amber", *(f"seg{n}" for n in range(1, 7))):
            for ground in ("page", "card", "stripe"):
                assert contrast(theme[ink], theme[ground]) >= 3.0, (ink, ground)
