"""Charts as plotly.js takes them: plain data, drawn when their part of the page is shown."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hil.report.html.words import visible

Trace = dict[str, Any]
# Names of the page's colours, which follow its theme: report.js puts them in.
BLUE, GREY, AMBER = "@blue", "@grey", "@amber"
HEIGHT = 380


@dataclass(frozen=True)
class Chart:
    """A chart: where it stands on the page, what it says to who cannot see it, and its data."""

    id: str
    label: str
    spec: dict[str, Any]


def chart(id_: str, label: str, traces: Sequence[Trace], x: str, y: str, **layout: Any) -> Chart:
    """A chart with titles for both axes."""
    base: dict[str, Any] = {"height": HEIGHT, "xaxis": {"title": x}, "yaxis": {"title": y}}
    for axis in ("xaxis", "yaxis"):
        base[axis] |= layout.pop(axis, {})
    return Chart(id_, label, {"data": list(traces), "layout": base | layout})


def plain(text: str) -> str:
    """Text that plotly shows as it is: it takes <b>, <a href> and the like for markup."""
    return html.escape(visible(text))
