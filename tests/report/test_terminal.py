from __future__ import annotations

import pytest

from hil.record import Metrics, RunResult, Verdict
from hil.report.terminal import summary_text
from hil.vocab import CheckName, Kind, Status
from tests.outcomes import make_record


def result(**changes: object) -> RunResult:
    record = make_record(**changes)
    run = RunResult("digits", record.model, record.target, record.kernels, record=record)
    check = CheckName.LATENCY
    run.verdicts[check] = Verdict(check=check, status=Status.PASS, reason="fine")
    return run


def failed(status: Status, reason: str) -> RunResult:
    run = RunResult("digits", "digits_int8", "stm32f746", "reference", reason=reason)
    for check in CheckName:
        run.verdicts[check] = Verdict(check=check, status=status, reason=reason)
    return run


def test_no_runs_are_no_table() -> None:
    assert summary_text([], color=False) == ""


def test_emulated_counts_are_called_instructions_and_never_time() -> None:
    text = summary_text([result()], color=False)
    assert "emulated: instruction counts, not time" in text
    assert "latency: instructions of Invoke alone" in text
    assert " ms" not in text
    assert "cycles" not in text


def test_real_boards_have_cycles_and_time() -> None:
    metrics = Metrics(
        vectors=2,
        macs=100,
        latency_median_cycles=2160.0,
        latency_min_cycles=2000,
        latency_median_ms=0.01,
    )
    text = summary_text([result(kind=Kind.HARDWARE, metrics=metrics)], color=False)
    assert "stm32f746, hardware" in text
    assert "0.010 ms" in text
    assert "cycles of Invoke alone" in text
    assert "instruction" not in text


def test_the_table_fits_a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = summary_text([result()], color=False)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "…" not in text


def test_long_names_bring_columns_closer_and_cut_no_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    metrics = Metrics(
        vectors=749,
        macs=1,
        latency_median_instructions=12_040_501.0,
        latency_min_instructions=12_040_453,
        arena_used_bytes=15_712,
        flash_bytes=172_772,
        outputs_elements=5243,
        outputs_differing_elements=3633,
        outputs_max_abs_error=1.4e-6,
    )
    text = summary_text([result(model="digits_weight_only", metrics=metrics)], color=False)
    assert "…" not in text
    assert "172,772" in text


def test_columns_are_explained_once() -> None:
    text = summary_text([result(), result(target="other")], color=False)
    assert text.count("flash: bytes programmed") == 1


def test_each_target_has_its_table() -> None:
    text = summary_text([result(), result(target="other")], color=False)
    assert "stm32f746, emulated" in text
    assert "other, emulated" in text


def test_a_reason_that_all_checks_share_is_told_once() -> None:
    text = summary_text([failed(Status.ERROR, "no probe\nhint: plug it in")], color=False)
    assert text.count("no probe") == 1
    assert "error: digits_int8 all checks: no probe" in text


def test_what_was_not_measured_is_a_dash_not_a_zero() -> None:
    text = summary_text([result(metrics=Metrics(vectors=2, macs=1))], color=False)
    row = next(line for line in text.splitlines() if "digits_int8" in line)
    assert row.split()[1:] == ["-"] * 6


def test_color_only_when_asked_for() -> None:
    assert "\x1b[" in summary_text([result()], color=True)
    assert "\x1b[" not in summary_text([result()], color=False)


def test_names_with_markup_are_shown_as_they_are() -> None:
    assert "[bold]x" in summary_text([result(model="[bold]x")], color=False)
