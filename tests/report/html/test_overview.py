from __future__ import annotations

from hil.gate.baseline import Baseline
from hil.gate.gate import Gate
from hil.record import RunResult, Verdict
from hil.report.html.overview import FEW_PROBLEMS, overview_of
from hil.report.html.page import Page
from hil.vocab import CheckName, Scheme, Status
from tests.pages import page_runs
from tests.runs import unsupported_run


def test_what_cannot_run_or_was_never_judged_is_no_success() -> None:
    for run in (unsupported_run(Scheme.INT16X8), RunResult("har", "m", "t", "reference")):
        overview = overview_of(Page([run], "2026"))
        assert overview.mood == "care"
        assert overview.headline == "Nothing failed, and nothing passed"


def test_what_the_gate_could_not_tell_is_counted() -> None:
    runs, gate = page_runs(), Gate(Baseline("nightly", ()))
    assert runs[0].record is not None
    own = Verdict(check=CheckName.LATENCY, status=Status.PASS, reason="within its limit")
    runs[0].verdicts[CheckName.LATENCY] = gate.judge(own, runs[0].record)
    assert ("new", "not in the baseline", 1) in overview_of(Page(runs, "2026")).counts


def test_many_failures_do_not_push_the_page_away() -> None:
    runs = []
    for number in range(FEW_PROBLEMS + 3):
        run = page_runs(model=f"m{number}")[0]
        verdict = Verdict(check=CheckName.ARENA, status=Status.FAIL, reason="too large")
        run.verdicts[CheckName.ARENA] = verdict
        runs.append(run)
    overview = overview_of(Page(runs, "2026"))
    assert (len(overview.problems), len(overview.more)) == (FEW_PROBLEMS, 3)
