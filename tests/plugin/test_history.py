"""The history as pytest users meet it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hil.plugin.recorder import Recorder, store_location
from hil.record import RunResult, Verdict
from hil.store.store import Store, open_store
from hil.vocab import CheckName, Status
from tests import models
from tests.sessions import LEAN, SUITE, run
from tests.stored import SESSION, make_run

TARGET = ("--target", "stm32f746")


def kept(root: Path) -> Store:
    return open_store(str(root / ".hil" / "history.sqlite"))


def test_without_a_target_there_is_no_history(pytester: pytest.Pytester, suite: Path) -> None:
    run(pytester).assert_outcomes(skipped=5)
    assert not (pytester.path / ".hil").exists()


def test_nothing_is_made_to_collect(pytester: pytest.Pytester, suite: Path) -> None:
    assert run(pytester, *TARGET, "--collect-only").ret == pytest.ExitCode.OK
    assert not (pytester.path / ".hil").exists()


def test_a_history_that_cannot_be_opened_is_a_usage_error(
    pytester: pytest.Pytester, suite: Path
) -> None:
    (pytester.path / "text.sqlite").write_text("no database " * 100)
    result = run(pytester, *TARGET, "--hil-store", "text.sqlite")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*cannot open the history*", "*--hil-no-store*"])


@pytest.mark.emulated
@pytest.mark.toolchain
class TestKeeping:
    def test_a_run_and_its_verdicts_are_kept(self, pytester: pytest.Pytester, suite: Path) -> None:
        result = run(pytester, *TARGET)
        result.stdout.fnmatch_lines(["history: 1 run kept in *history.sqlite"])
        store = kept(pytester.path)
        (stored,) = store.runs()
        assert {verdict.check for verdict in stored.verdicts} == set(CheckName)
        assert stored.record is not None
        assert stored.record.samples.latency_instructions
        assert stored.session.arguments[0] == "pytest"
        assert stored.session.arguments[-2:] == TARGET
        end = store.session_end(store.latest_session())
        assert end is not None
        assert end.complete
        assert end.exit_status == 0
        assert not list((pytester.path / ".hil" / "spool").iterdir())

    def test_workers_keep_the_same(self, pytester: pytest.Pytester, suite: Path) -> None:
        (suite / "other.tflite").write_bytes(models.dense_float(4, 4))
        (suite / "suite.toml").write_text(SUITE + '[[model]]\nfile = "other.tflite"\n')
        run(pytester, *TARGET, "-n", "2").assert_outcomes(passed=10)
        store = kept(pytester.path)
        runs = store.session_runs(store.latest_session())
        assert [stored.model for stored in runs] == ["dense", "other"]
        assert all(len(stored.verdicts) == len(CheckName) for stored in runs)

    def test_what_cannot_run_is_kept_with_its_reason(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        (suite / "dense.tflite").write_bytes(models.single_operator("TILE"))
        run(pytester, *TARGET).assert_outcomes(skipped=5)
        (point,) = kept(pytester.path).points()
        assert point.status is Status.UNSUPPORTED
        assert "TILE" in point.reason

    def test_a_run_that_only_a_test_in_python_asked_for_is_kept_too(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        (suite / "test_own.py").write_text(
            "import pytest\n@pytest.mark.hil(model='dense')\ndef test_it(hil_run): pass\n"
        )
        result = run(pytester, *TARGET, "small/test_own.py")
        result.stdout.fnmatch_lines(["history: 1 run kept in *"])
        (point,) = kept(pytester.path).points()
        assert point.status is None
        assert not list((pytester.path / ".hil" / "spool").iterdir())

    def test_results_that_cannot_be_written_are_told_without_a_traceback(
        self, pytester: pytest.Pytester, suite: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/nowhere/summary.md")
        result = run(pytester, *TARGET)
        assert result.ret == pytest.ExitCode.INTERNAL_ERROR
        result.stdout.fnmatch_lines(["results: cannot write the job's summary /nowhere/*"])
        result.stdout.no_fnmatch_line("*Traceback*")

    def test_nobody_needs_to_keep_any(self, pytester: pytest.Pytester, suite: Path) -> None:
        run(pytester, *TARGET, "--hil-no-store").assert_outcomes(passed=5)
        assert not (pytester.path / ".hil").exists()

    def test_the_ini_file_may_name_another(self, pytester: pytest.Pytester, suite: Path) -> None:
        pytester.makeini("[pytest]\nhil_store = lab/all.sqlite\n")
        run(pytester, *TARGET).assert_outcomes(passed=5)
        assert open_store(str(pytester.path / "lab" / "all.sqlite")).count() == 1
        assert not (pytester.path / ".hil" / "history.sqlite").exists()

    def test_two_sessions_at_once_lose_nothing(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        command = [sys.executable, "-m", "pytest", *LEAN, *TARGET]
        sessions = [
            subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL)
            for _ in range(2)
        ]
        assert [session.wait(timeout=120) for session in sessions] == [0, 0]
        points = kept(pytester.path).points()
        assert [point.status for point in points] == [Status.NEW] * 2
        assert len({point.session_id for point in points}) == 2

    def test_kill_9_loses_no_run_that_was_measured(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        # Killed by itself between the measurement and the first verdict.
        pytester.makeconftest(
            "import os, signal\n"
            "from hil.plugin import broker\n"
            "def judge(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
            "broker.judge = judge\n"
        )
        assert run(pytester, *TARGET).ret == -signal.SIGKILL
        (pytester.path / "conftest.py").unlink()
        result = run(pytester, *TARGET)
        result.stdout.fnmatch_lines(["history: 1 runs of a session that died were taken in"])
        store = kept(pytester.path)
        assert store.count() == 2
        dead = store.runs()[0]
        assert dead.verdicts == ()
        assert store.session_end(dead.session.session_id) is None


# ---- a store that fails in the middle


def result_of(number: int) -> RunResult:
    record = make_run(number).record
    assert record is not None
    model = f"m{number}"
    return RunResult("digits", model, "stm32f746", "reference", record=record)


def test_a_store_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = store_location(None, tmp_path)
    recorder = Recorder(location, tmp_path, SESSION)
    verdict = Verdict(check=CheckName.ARENA, status=Status.PASS, reason="fine")
    recorder.take(result_of(1), verdict, 0)
    with sqlite3.connect(location) as connection:  # somebody drops a table
        connection.execute("DROP TABLE verdict")
    connection.close()
    later = Verdict(check=CheckName.FLASH, status=Status.FAIL, reason="too large")
    recorder.take(result_of(1), later, 0)
    recorder.take(result_of(2), verdict, 1)
    recorder.finish(1, complete=True)
    told = "\n".join(recorder.lines())
    assert "NOT in the history" in told
    assert "no such table: verdict" in told
    assert len(recorder.spool.waiting()) == 2
    Path(location).rename(f"{location}.broken")
    again = Recorder(location, tmp_path, SESSION.model_copy(update={"session_id": "next"}))
    assert again.imported == 2
    again.finish(0, complete=True)
    first, second = open_store(location).runs()
    assert first.verdicts == (verdict, later)
    assert second.verdicts == (verdict,)
