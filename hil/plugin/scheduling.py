"""Several workers (pytest-xdist): all items that need one run go to one worker."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from hil.errors import ConfigError
from hil.plugin import SUITE_FILE
from hil.suite import load_suite

ONE_BOARD = "the board"


class RunScheduling(LoadScopeScheduling):
    """Hands out runs whole, and every other item on its own.

    With a board that the user named, all runs go to one worker: there is only that board.
    """

    def __init__(
        self, config: pytest.Config, log: Producer, *, targets: list[str], one_board: bool
    ) -> None:
        super().__init__(config, log)
        self._targets = targets
        self._one_board = one_board

    def _split_scope(self, nodeid: str) -> str:
        """What must stay together with the item: its run, or itself alone."""
        path, _, name = nodeid.partition("::")
        parameters = name.partition("[")[2].removesuffix("]")
        target = next((t for t in self._targets if parameters.startswith(f"{t}-")), None)
        if target is None:
            return nodeid
        folder = self.config.rootpath / Path(path).parent
        rest = parameters.removeprefix(f"{target}-")
        label = next((label for label in _labels(folder) if _begins(rest, label)), None)
        if label is None:
            return nodeid
        return ONE_BOARD if self._one_board else f"{folder}::{target}-{label}"


@cache
def _labels(folder: Path) -> tuple[str, ...]:
    """The models of the suite in a folder, longest name first."""
    try:
        suite = load_suite(folder / SUITE_FILE)
    except ConfigError:
        return ()
    return tuple(sorted((model.label for model in suite.models), key=len, reverse=True))


def _begins(parameters: str, label: str) -> bool:
    return parameters == label or parameters.startswith(f"{label}-")
