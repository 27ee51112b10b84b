"""The end of a session on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hil.gate.gate import gate_lines
from hil.plugin.options import Options
from hil.plugin.outputs import Outcome


def print_summary(
    reporter: pytest.TerminalReporter,
    options: Options,
    outcome: Outcome,
    kept: Sequence[str],
    failure: str,
) -> None:
    """Prints a table per target, one per suite when schemes are compared, what was not held, what
    the history has (`kept`), and where results are, or why they could not be written (`failure`).
    """
    if not outcome.runs and not kept:
        return
    reporter.section("hil", sep="=")
    if outcome.runs:
        _print_tables(reporter, options, outcome)
    for line in [*gate_lines(outcome.runs), *outcome.notes, *kept]:
        reporter.write_line(line)
    if failure:
        reporter.write_line(f"results: {failure}", red=True)
        return
    for path in options.files if outcome.runs else ():
        reporter.write_line(f"results: {path}{_note_on(path, options, outcome)}")


def _print_tables(reporter: pytest.TerminalReporter, options: Options, outcome: Outcome) -> None:
    from hil.report.terminal import summary_text

    color, explain = reporter.hasmarkup, reporter.config.get_verbosity() >= 0
    # The table of schemes tells why models cannot run: once is enough.
    table = summary_text(
        outcome.runs,
        color=color,
        explain=explain,
        unsupported=not options.compare_schemes,
        held=outcome.held,
    )
    reporter.write(table)
    if options.compare_schemes:
        from hil.report.schemes import schemes_text

        reporter.write(schemes_text(outcome.runs, color=color, explain=explain))


def _note_on(path: Path, options: Options, outcome: Outcome) -> str:
    if not outcome.is_interrupted:
        return ""
    return " (not complete)" if path == options.json else " not written: interrupted"
