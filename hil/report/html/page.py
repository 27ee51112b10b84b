"""What the page is made from, and the writing of it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil import __version__
from hil.files import write_whole
from hil.gate.change import Held
from hil.record import RunResult
from hil.resources import templates_dir
from hil.store.history import HistoryPoint

TEMPLATE, STYLE = "report.html.j2", "report.css"
SCRIPT, EARLY_SCRIPT = "report.js", "early.js"
# What could end a script element, and line ends that JavaScript has and JSON has not.
_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


@dataclass(frozen=True)
class Page:
    """Everything that the page shows. `history` is newest first; `facts` say where and when."""

    runs: Sequence[RunResult]
    created_utc: str
    title: str = "hil report"
    held: Held | None = None
    notes: Sequence[str] = ()
    history: Sequence[HistoryPoint] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def write_html(path: Path, page: Page) -> None:
    """Writes the page, whole or not at all. Raises ConfigError."""
    write_whole(path, render(page).encode())


def render(page: Page) -> str:
    """The page as HTML. Whatever came from devices, models and files is escaped."""
    # Slow to import, and needed for nothing else.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    from hil.report.html.environment import environment_views
    from hil.report.html.history import history_view
    from hil.report.html.memory import memory_views
    from hil.report.html.numerics import numerics_views
    from hil.report.html.operators import operator_views
    from hil.report.html.overview import overview_of
    from hil.report.html.runs import run_views
    from hil.report.html.schemes import scheme_views
    from hil.report.html.words import visible

    folder = templates_dir()
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    plotly = get_plotlyjs().replace("</script", "<\\/script")
    script = (folder / SCRIPT).read_text(encoding="utf-8")
    early = (folder / EARLY_SCRIPT).read_text(encoding="utf-8")
    schemes, operators = scheme_views(page.runs), operator_views(page.runs, page.held)
    numerics, history = numerics_views(page.runs), history_view(page.history, page.held)
    shown = [view.charts for view in schemes]
    shown += [view.charts for view in operators] + [view.charts for view in numerics]
    charts = {chart.id: chart.spec for group in shown for chart in group}
    return environment.get_template(TEMPLATE).render(
        page=page,
        version=__version__,
        overview=overview_of(page),
        rows=run_views(page),
        schemes=schemes,
        operators=operators,
        numerics=numerics,
        memory=memory_views(page.runs),
        history=history,
        environments=environment_views(page.runs),
        style=Markup((folder / STYLE).read_text(encoding="utf-8")),
        script=Markup(script),
        early=Markup(early),
        script_hashes=[_hash(text) for text in (early, script, plotly)],
        plotly=Markup(plotly),
        charts=Markup(as_json(charts)),
        history_data=Markup(as_json(history.data)),
    )


def as_json(value: Any) -> str:
    """JSON that may stand in a script element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def _hash(text: str) -> str:
    """As a Content-Security-Policy names an inline script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
