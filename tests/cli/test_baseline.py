"""`hil baseline` as users meet it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.gate.baseline import Baseline, load_baseline, save_baseline
from hil.record import RunRecord, Verdict
from hil.store.store import Store, open_store
from hil.store.stored import SessionEnd
from hil.vocab import CheckName, Status
from tests.cli.test_cli import hil, refused
from tests.entries import changed_record, make_entry
from tests.stored import SESSION, make_run

FOLDER = Path("reports/baselines")


def judged(number: int, record: RunRecord, *, bad: Status = Status.PASS) -> object:
    verdicts = tuple(
        Verdict(check=check, status=bad if check is CheckName.FLASH else Status.PASS, reason="so")
        for check in CheckName
    )
    return make_run(number, record, verdicts=verdicts)


def history(root: Path, *records: RunRecord, complete: bool = True) -> Store:
    store = open_store(str(root / ".hil" / "history.sqlite"))
    for number, record in enumerate(records):
        store.add_run(judged(number, record))  # type: ignore[arg-type]
    end = {"session_id": SESSION.session_id, "ended_utc": "2026", "exit_status": 0}
    store.end_session(SessionEnd(**end, complete=complete))  # type: ignore[arg-type]
    return store


@pytest.fixture
def project(tmp_path: Path) -> Path:
    history(tmp_path, changed_record(), changed_record(model="other"))
    return tmp_path


def test_the_latest_session_becomes_a_baseline_to_be_reviewed(project: Path) -> None:
    done = hil("baseline", "set", "night", cwd=project)
    assert "baseline night: 2 runs set, 2 in it" in done.stdout
    assert "stm32f746-emulated-digits.json" in done.stdout
    assert len(load_baseline(project / FOLDER, "night").entries) == 2
    assert "nothing changed" in hil("baseline", "set", "night", cwd=project).stdout
    assert "night: 2 runs of 2026-01-01" in hil("baseline", "list", cwd=project).stdout
    shown = hil("baseline", "show", "night", cwd=project).stdout
    assert "digits on stm32f746, emulated" in shown
    assert "5,000" in shown


def test_one_run_or_model_may_be_set(project: Path) -> None:
    hil("baseline", "set", "one", "--from", make_run(1).run_id, cwd=project)
    assert [e.model for e in load_baseline(project / FOLDER, "one").entries] == ["other"]
    hil("baseline", "set", "one", "--model", "digits_int8", cwd=project)
    assert len(load_baseline(project / FOLDER, "one").entries) == 2
    hil("baseline", "set", "one", "--model", "digits_int8", "--replace", cwd=project)
    assert len(load_baseline(project / FOLDER, "one").entries) == 1
    refused(hil("baseline", "set", "one", "--model", "nothing", cwd=project), "no such run")


def test_a_failed_run_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    store = history(tmp_path, changed_record())
    store.add_run(judged(5, changed_record(model="bad"), bad=Status.FAIL))  # type: ignore[arg-type]
    refused(hil("baseline", "set", "night", cwd=tmp_path), "bad on stm32f746: flash is fail")
    assert not (tmp_path / FOLDER).exists()


def test_an_interrupted_session_is_refused(tmp_path: Path) -> None:
    history(tmp_path, changed_record(), complete=False)
    refused(hil("baseline", "set", "night", cwd=tmp_path), "is not complete")


def test_without_a_baseline_the_list_says_how_to_make_one(tmp_path: Path) -> None:
    refused(hil("baseline", "list", cwd=tmp_path), "hil baseline set NAME")
    refused(hil("baseline", "show", "night", cwd=tmp_path), "there is no baseline 'night'")


def test_a_diff_tells_what_changed_and_why(project: Path) -> None:
    old = make_entry({"flash_bytes": 4000}, {"flags": ("-Os",)})
    save_baseline(project / FOLDER, Baseline("old", (old, make_entry(model="gone"))))
    done = hil("baseline", "diff", "old", cwd=project)
    assert done.returncode == 0
    for text in (
        "flash.total",
        "+1,000",
        "digits_int8: flags: -Os -> -O2 -DNDEBUG",
        "only in old: gone",
        "only in latest: other",
        "1 in both, 1 changed, 0 the same, 1 only in old, 1 only in latest",
    ):
        assert text in done.stdout
    gated = hil("baseline", "diff", "old", "--gate", "flash.total:+1%", cwd=project)
    assert gated.returncode == 1
    assert "fail: flash.total 4,000 -> 5,000 bytes" in gated.stdout
    assert hil("baseline", "diff", "old", "--gate", "flash.total:50%", cwd=project).returncode == 0


def test_a_gate_that_held_nothing_says_so(project: Path) -> None:
    save_baseline(project / FOLDER, Baseline("old", (make_entry(),)))
    done = hil("baseline", "diff", "old", "--gate", "latency.median:+2ms", cwd=project)
    assert "absent: latency.median: an emulated board counts instructions, not time" in done.stdout


def test_a_diff_of_what_cannot_be_compared_says_so(project: Path) -> None:
    old = make_entry(condition={"core_clock_hz": 1})
    save_baseline(project / FOLDER, Baseline("old", (old,)))
    done = hil("baseline", "diff", "old", cwd=project)
    assert "not comparable: core_clock_hz: 1 -> 216000000" in done.stdout
    accepted = hil("baseline", "diff", "old", "--accept", "core_clock_hz", cwd=project)
    assert "not comparable" not in accepted.stdout
    refused(hil("baseline", "diff", "old", "--accept", "clock", cwd=project), "no condition")
    refused(hil("baseline", "diff", "old", "--gate", "clock:0", cwd=project), "no gate on")
