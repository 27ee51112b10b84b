"""Shows what takes time: a live line on a terminal, one plain line per phase elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import pytest

from hil.progress import Progress, live_progress, silent


class ProgressDisplay:
    """Draws only on the controller, never with -q, and with pytest's capture suspended."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_quiet = config.get_verbosity() < 0 or hasattr(config, "workerinput")

    @contextlib.contextmanager
    def run(self, label: str) -> Iterator[Progress]:
        """Shows the phases of one run while the block lasts."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        if self._is_quiet or reporter is None:
            yield silent
            return
        with contextlib.ExitStack() as stack:
            if capture is not None:
                stack.enter_context(capture.global_and_fixture_disabled())
            reporter.ensure_newline()
            if sys.stdout.isatty():
                yield stack.enter_context(live_progress(label, sys.stdout))
            else:
                yield _PlainLines(label, reporter)


class _PlainLines:
    """A line when a phase begins."""

    def __init__(self, label: str, reporter: pytest.TerminalReporter) -> None:
        self._label = label
        self._reporter = reporter
        self._phase = ""

    def __call__(self, phase: str, _done: int, total: int) -> None:
        if phase == self._phase:
            return
        self._phase = phase
        size = f" ({total} {'vectors' if phase == 'measure' else 'steps'})" if total else ""
        self._reporter.write_line(f"hil: {self._label}: {phase}{size}")
