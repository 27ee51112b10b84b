"""Runs all benchmarks, or those named: `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks import (
    builds,
    emulator,
    footprint,
    gate,
    link,
    operators,
    outputs,
    report,
    schemes,
    startup,
    store,
)
from benchmarks.figure import Figure

BENCHMARKS: dict[str, Callable[[], Iterator[Figure]]] = {
    "emulator": emulator.figures,
    "link": link.figures,
    "footprint": footprint.figures,
    "builds": builds.figures,
    "startup": startup.figures,
    "operators": operators.figures,
    "outputs": outputs.figures,
    "schemes": schemes.figures,
    "store": store.figures,
    "gate": gate.figures,
    "report": report.figures,
}


def main(names: list[str]) -> int:
    """Prints a table; exit code 1 when a figure misses its bound."""
    console = Console(width=110, highlight=False)
    title = f"{platform.machine()}, Python {platform.python_version()}"
    table = Table(title=title, box=SIMPLE_HEAD)
    for heading in ("benchmark", "figure", "measured", "bound", ""):
        table.add_column(heading)
    missed = 0
    for name in names or BENCHMARKS:
        if name not in BENCHMARKS:
            console.print(f"no benchmark {name}; there are {', '.join(BENCHMARKS)}")
            return 2
        for figure in BENCHMARKS[name]():
            console.print(f"{name}: {figure.what}: {figure.text}", markup=False, soft_wrap=True)
            missed += not figure.is_met
            verdict = "" if figure.bound_text == "" else "ok" if figure.is_met else "MISSED"
            table.add_row(name, figure.what, figure.text, figure.bound_text, verdict)
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
