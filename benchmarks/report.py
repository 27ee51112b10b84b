"""The HTML report of many runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, seconds
from hil.report.html.page import Page, write_html
from tests.pages import make_page, nights, page_runs

RUNS, NIGHTS = 500, 500
LIMIT_S = 5.0


def figures() -> Iterator[Figure]:
    """Pages with 500 runs of history, and with 500 runs of one session."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        few = make_page(NIGHTS)
        times = seconds(lambda: write_html(path, few), 5)
        yield Figure(f"HTML report, {NIGHTS} runs of history", "s", times, LIMIT_S)
        yield Figure("its size", "MB", [path.stat().st_size / 1e6])
        runs = [run for _ in range(RUNS // 2) for run in page_runs()[:2]]
        many = Page(runs, few.created_utc, history=nights(NIGHTS))
        times = seconds(lambda: write_html(path, many), 3)
        yield Figure(f"HTML report, {RUNS} runs in one session", "s", times, LIMIT_S)
