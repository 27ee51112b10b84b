"""A session as Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.gate.baseline import Baseline
from hil.gate.entry import BaselineEntry
from hil.gate.expression import parse_expressions
from hil.gate.gate import Gate
from hil.record import RunResult, Verdict
from hil.report.markdown import SUMMARY_VARIABLE, append_job_summary, markdown_text, write_markdown
from hil.vocab import CheckName, Scheme, Status
from tests.runs import scheme_run, unsupported_run

INT8 = scheme_run(Scheme.INT8, (1, 0))
assert INT8.record is not None
OLD = BaselineEntry.of(
    INT8.record.model_copy(
        update={
            "metrics": INT8.record.metrics.model_copy(
                update={"latency_median_instructions": 900.0, "flash_bytes": 71_000}
            )
        }
    )
)
GATE = Gate(Baseline("night", (OLD,)), parse_expressions(["latency.median:+2%"]))


def slow_run() -> RunResult:
    run = scheme_run(Scheme.INT8, (1, 0))
    assert run.record is not None
    own = Verdict(check=CheckName.LATENCY, status=Status.PASS, reason="fine")
    run.verdicts[CheckName.LATENCY] = GATE.judge(own, run.record)
    return run


def test_all_good_is_said_first() -> None:
    text = markdown_text([INT8])
    assert text.startswith("## hil: ✅ 1 pass of 1 runs\n")
    assert "| ✅ pass | har\\_int8 | int8 | 0.5000 | 1,000 instructions | 5,000 | 70,000 |" in text
    assert "instruction counts, not time" in text


def test_failures_come_before_the_table_with_their_causes() -> None:
    runs = [slow_run(), INT8]
    text = markdown_text(runs, GATE.held(runs))
    assert text.startswith("## hil: ❌ 1 pass, 1 fail of 2 runs\n\n- **har\\_int8** on stm32f746")
    assert text.index("latency: latency.median 900 -&gt; 1,000") < text.index("### stm32f746")
    assert "  - the image is the same one, bit for bit" in text


def test_changes_have_a_sign_and_a_mark() -> None:
    run = slow_run()
    text = markdown_text([run], GATE.held([run]))
    assert "against baseline `night`" in text
    assert "1,000 instructions<br>🔺 +11.11%" in text
    assert "70,000<br>🟢 -1,000" in text
    assert "5,000<br> =" in text


def test_what_has_no_result_has_no_figures() -> None:
    text = markdown_text([unsupported_run(Scheme.INT16X8)])
    assert "⚪ unsupported: har\\_int16x8 (top1 of LiteRT 0.8400): CONV\\_2D: float input" in text
    assert "1 more to know" in text
    assert "operator 0 CONV\\_2D: float input" in text


def test_notes_are_listed() -> None:
    assert "- vanished: x" in markdown_text([INT8], notes=["vanished: x"])


def test_nothing_from_outside_is_markup() -> None:
    run = RunResult("s", "a|b<script>*x*`", "stm32f746", "reference", reason="[x](y)\n# z")
    run.verdicts[CheckName.ARENA] = Verdict(
        check=CheckName.ARENA, status=Status.ERROR, reason="[x](y)\n# z"
    )
    text = markdown_text([run])
    assert "<script>" not in text
    assert "a\\|b&lt;script&gt;\\*x\\*\\`" in text
    assert "\\[x\\](y)" in text
    assert "\n# z" not in text


def test_an_empty_session_is_no_success() -> None:
    assert "nothing was measured" in markdown_text([])


def test_a_jobs_summary_is_added_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv(SUMMARY_VARIABLE, str(path))
    append_job_summary("ours\n")
    assert path.read_text() == "before\nours\n"
    monkeypatch.delenv(SUMMARY_VARIABLE)
    append_job_summary("ours\n")
    assert path.read_text() == "before\nours\n"


def test_a_summary_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SUMMARY_VARIABLE, str(tmp_path / "none" / "s.md"))
    with pytest.raises(ConfigError, match="cannot write the job's summary"):
        append_job_summary("x")
    with pytest.raises(ConfigError, match="cannot write"):
        write_markdown(tmp_path / "none" / "m.md", "x")
