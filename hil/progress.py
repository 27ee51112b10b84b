"""A live line of progress on a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TextIO

# (phase, done, total); total 0: unknown
Progress = Callable[[str, int, int], None]


def silent(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@contextlib.contextmanager
def live_progress(label: str, file: TextIO) -> Iterator[Progress]:
    """Draws phase, bar and remaining time on `file` while the block lasts, then removes them."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(file=file), transient=True) as bars:
        task = bars.add_task(label, total=None)
        current = ""

        def show(phase: str, done: int, total: int) -> None:
            nonlocal current
            if phase != current:
                current = phase
                bars.reset(task, description=f"{label}: {phase}", total=total or None)
            bars.update(task, completed=done, total=total or None)

        yield show
