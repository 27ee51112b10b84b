from __future__ import annotations

from hil.record import Verdict
from hil.report.html.page import Page
from hil.report.html.runs import run_views
from hil.vocab import CheckName, Status
from tests.pages import page_runs


def test_a_limit_of_nothing_is_a_limit() -> None:
    run = page_runs()[0]
    run.verdicts[CheckName.OUTPUTS] = Verdict(
        check=CheckName.OUTPUTS,
        status=Status.PASS,
        reason="equal",
        limits={"bound_absolute": 0.0, "max": None},
    )
    (row,) = run_views(Page([run], "2026"))
    assert {check.limits for check in row.checks} == {"", "bound_absolute 0"}


def test_figures_that_are_missing_for_one_reason_are_told_together() -> None:
    run = page_runs()[0]
    assert run.record is not None
    absent = {"latency_median_ms": "not time", "counter_rate_hz": "not time"}
    run.record = run.record.model_copy(update={"absent": absent})
    (row,) = run_views(Page([run], "2026"))
    assert row.absent == (("latency_median_ms, counter_rate_hz", "not time"),)


def test_targets_and_kinds_are_named_where_there_are_several() -> None:
    runs = page_runs()[:2]
    assert run_views(Page(runs, "2026"))[0].about == ("har", "float32")
    runs[1].target = "nucleo_f746zg"
    assert run_views(Page(runs, "2026"))[0].about == ("har", "float32", "stm32f746")
