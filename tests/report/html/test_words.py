from __future__ import annotations

from pathlib import Path

from hil.report.html.page import Page, write_html
from hil.report.html.words import visible
from tests.pages import nights, page_runs


def test_what_nobody_would_see_is_written_out(tmp_path: Path) -> None:
    assert visible("a\u202eb\u200b\x07\n\udcff\u00fc") == "a\\u202eb\\u200b\\u0007\n\\udcff\u00fc"
    runs = page_runs(model="m\udcff\u202e")
    write_html(tmp_path / "r.html", Page(runs, "2026", history=nights(1)))
    text = (tmp_path / "r.html").read_text()
    assert "\u202e" not in text
    assert "m\\udcff\\u202e" in text
