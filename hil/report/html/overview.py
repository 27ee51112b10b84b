"""The verdict, and what is behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.gate.gate import gate_lines
from hil.record import RunResult
from hil.report.html.words import counts_note, is_swept, run_name
from hil.vocab import GateOutcome, Status

if TYPE_CHECKING:
    from hil.report.html.page import Page

WORDS = {
    Status.ERROR: "could not be measured",
    Status.FAIL: "failed",
    Status.UNSUPPORTED: "unsupported",
    Status.NEW: "new",
    Status.PASS: "passed",
    Status.SKIP: "skipped",
}
# Answers of a gate that a status does not tell.
OUTCOMES = {
    GateOutcome.INCONCLUSIVE: "inconclusive",
    GateOutcome.INCOMPARABLE: "not comparable",
    GateOutcome.NEW: "not in the baseline",
}
FEW_PROBLEMS = 5


@dataclass(frozen=True)
class Problem:
    """A check that went wrong."""

    run: str
    checks: str
    status: str
    headline: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class Overview:
    """The verdict in a line, what is behind it, and what else is worth knowing.

    `counts` are of runs: a status or an outcome of the gate, what it says, how many. `more` are the
    problems that would push everything else off the screen.
    """

    mood: str
    headline: str
    counts: tuple[tuple[str, str, int], ...]
    problems: tuple[Problem, ...]
    more: tuple[Problem, ...]
    listed: tuple[str, ...]
    note: str
    kinds: str


def overview_of(page: Page) -> Overview:
    """Verdict first."""
    runs = list(page.runs)
    counts = {status: sum(run.status is status for run in runs) for status in WORDS}
    told = tuple((s.value, WORDS[s], n) for s, n in counts.items() if n) + tuple(_outcomes(runs))
    problems = tuple(problem for run in runs for problem in _problems(run, is_swept(runs)))
    listed = (*gate_lines(runs), *page.notes)
    mood, headline = _headline(counts, len(runs), something_listed=bool(listed))
    kinds = " and ".join(sorted({r.record.kind.value for r in runs if r.record is not None}))
    few, more = problems[:FEW_PROBLEMS], problems[FEW_PROBLEMS:]
    return Overview(mood, headline, told, few, more, listed, counts_note(runs), kinds)


def _headline(
    counts: Mapping[Status, int], runs: int, *, something_listed: bool
) -> tuple[str, str]:
    """Mood and words. What was never judged is no success."""
    failed, broken = counts[Status.FAIL], counts[Status.ERROR]
    if not runs:
        return "bad", "Nothing was measured"
    if failed:
        rest = f", {broken} could not be measured" if broken else ""
        return "bad", f"{failed} of {runs} runs failed{rest}"
    if broken:
        return "bad", f"{broken} of {runs} runs could not be measured"
    if not counts[Status.PASS]:
        return "care", "Nothing failed, and nothing passed"
    if something_listed:
        return "care", "Nothing failed, and something could not be compared"
    return "good", "All good"


def _outcomes(runs: Sequence[RunResult]) -> Iterator[tuple[str, str, int]]:
    """In how many runs the gate said more than pass or fail."""
    found = [{a.outcome for v in run.verdicts.values() for a in v.gate} for run in runs]
    for outcome, words in OUTCOMES.items():
        n = sum(outcome in outcomes for outcomes in found)
        if n:
            yield outcome.value, words, n


def _problems(run: RunResult, swept: bool) -> Iterator[Problem]:
    reasons: dict[tuple[Status, str], list[str]] = {}
    for check, verdict in run.verdicts.items():
        if verdict.status in (Status.FAIL, Status.ERROR):
            reasons.setdefault((verdict.status, verdict.reason), []).append(check.value)
    for (status, reason), checks in reasons.items():
        first, *rest = reason.splitlines() or [""]
        name = f"{run_name(run, swept=swept)} on {run.target}"
        details = tuple(line.strip() for line in rest)
        yield Problem(name, ", ".join(checks), status.value, first, details)
