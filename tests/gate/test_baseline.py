"""Baselines as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.gate.baseline import (
    Baseline,
    baseline_names,
    entries_of,
    load_baseline,
    save_baseline,
)
from hil.record import RunResult, Verdict
from hil.vocab import CheckName, Status
from tests.entries import changed_record, hardware_entry, make_entry


def result(status: Status = Status.PASS, **changes: object) -> RunResult:
    record = changed_record(**changes)  # type: ignore[arg-type]
    run = RunResult(record.suite, record.model, record.target, "reference", record=record)
    for check in CheckName:
        run.verdicts[check] = Verdict(check=check, status=Status.PASS, reason="fine")
    run.verdicts[CheckName.ARENA] = Verdict(check=CheckName.ARENA, status=status, reason="so")
    return run


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    entries = (make_entry(), make_entry(model="other"), hardware_entry([1, 2, 3]))
    baseline = Baseline("night").updated(entries)
    paths = save_baseline(tmp_path, baseline)
    assert [path.name for path in paths] == [
        "stm32f746-emulated-digits.json",
        "stm32f746-hardware-digits.json",
    ]
    assert load_baseline(tmp_path, "night") == baseline
    assert baseline_names(tmp_path) == ["night"]


def test_the_same_again_changes_no_file(tmp_path: Path) -> None:
    baseline = Baseline("night", (make_entry(),))
    save_baseline(tmp_path, baseline)
    assert save_baseline(tmp_path, baseline) == []


def test_a_changed_figure_changes_one_line(tmp_path: Path) -> None:
    (path,) = save_baseline(tmp_path, Baseline("night", (make_entry(),)))
    before = path.read_text().splitlines()
    changed = make_entry(metrics={"flash_bytes": 5001})
    save_baseline(tmp_path, Baseline("night", (changed,)))
    after = path.read_text().splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [
        '    "flash_bytes": 5001,'
    ]


def test_an_operator_and_all_samples_stand_in_one_line_each(tmp_path: Path) -> None:
    (path,) = save_baseline(tmp_path, Baseline("n", (hardware_entry([1, 2, 3]),)))
    lines = [line.strip() for line in path.read_text().splitlines()]
    assert '"samples": [1, 2, 3]' in lines
    assert sum(line.startswith('{"index": ') for line in lines) == 2
    assert json.loads(path.read_text())["schema_version"] == 1


def test_entries_of_the_same_key_are_replaced_and_others_kept() -> None:
    old = Baseline("n", (make_entry(), make_entry(model="other")))
    new = old.updated([make_entry(metrics={"flash_bytes": 1})])
    assert [entry.metrics.flash_bytes for entry in new.entries] == [1, 5000]


def test_an_entry_of_another_library_is_renewed_unless_libraries_are_swept() -> None:
    other = make_entry(kernels="portable_optimized")
    old = Baseline("n", (make_entry(),))
    assert old.updated([other]).entries == (other,)
    assert len(old.updated([make_entry(), other]).entries) == 2
    both = Baseline("n", (make_entry(), other))
    assert len(both.updated([other]).entries) == 2


def test_a_file_of_which_nothing_is_left_goes(tmp_path: Path) -> None:
    (path,) = save_baseline(tmp_path, Baseline("n", (make_entry(),)))
    save_baseline(tmp_path, Baseline("n", (make_entry(suite="har"),)))
    assert not path.exists()


def test_kernel_libraries_are_a_key_only_where_they_are_swept() -> None:
    run = make_entry(kernels="portable_optimized")
    baseline = Baseline("n", (make_entry(),))
    assert baseline.find(run, swept=False) == make_entry()
    assert baseline.find(run, swept=True) is None
    both = Baseline("n", (make_entry(), run))
    assert both.find(run, swept=False) == run


def test_kinds_are_never_held_against_each_other() -> None:
    assert Baseline("n", (hardware_entry([1] * 9),)).find(make_entry(), swept=False) is None


def test_a_failed_run_is_no_baseline() -> None:
    with pytest.raises(ConfigError) as caught:
        entries_of([result(), result(Status.FAIL, model="bad"), result(Status.ERROR, model="ill")])
    assert "bad on stm32f746: arena is fail" in caught.value.message
    assert "ill on stm32f746: arena is error" in caught.value.message


def test_what_failed_by_the_gate_alone_can_be_accepted() -> None:
    run = result(Status.FAIL)
    gated = run.verdicts[CheckName.ARENA].model_copy(update={"own_status": Status.PASS})
    run.verdicts[CheckName.ARENA] = gated
    with pytest.raises(ConfigError, match="arena is fail") as caught:
        entries_of([run])
    assert "--despite-gate" in caught.value.hint
    assert len(entries_of([run], accept=True)) == 1
    with pytest.raises(ConfigError):
        entries_of([result(Status.FAIL)], accept=True)


def test_an_incomplete_run_is_no_baseline() -> None:
    run = result()
    del run.verdicts[CheckName.FLASH]
    with pytest.raises(ConfigError, match="not judged: flash"):
        entries_of([run])


def test_a_new_run_may_become_one_and_unsupported_ones_are_left_out() -> None:
    unsupported = RunResult("digits", "m", "stm32f746", "reference", reason="int16")
    for check in CheckName:
        unsupported.verdicts[check] = Verdict(
            check=check, status=Status.UNSUPPORTED, reason="int16"
        )
    (entry,) = entries_of([result(Status.NEW), unsupported])
    assert entry.model == "digits_int8"
    with pytest.raises(ConfigError, match="no run has a result"):
        entries_of([unsupported])


def test_an_unknown_baseline_names_the_nearest(tmp_path: Path) -> None:
    save_baseline(tmp_path, Baseline("nightly", (make_entry(),)))
    with pytest.raises(ConfigError) as caught:
        load_baseline(tmp_path, "nigthly")
    assert "did you mean nightly?" in caught.value.hint


@pytest.mark.parametrize("name", ["", "../x", "a/b", "."])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a baseline"):
        load_baseline(tmp_path, name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no baseline"),
        ('{"schema_version": 1}', "is no baseline: entries"),
        ('{"schema_version": 9, "entries": []}', "has schema 9"),
    ],
)
def test_an_unusable_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (path,) = save_baseline(tmp_path, Baseline("n", (make_entry(),)))
    path.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_baseline(tmp_path, "n")
    assert str(path) in caught.value.message


def test_the_same_entry_twice_is_an_error(tmp_path: Path) -> None:
    (path,) = save_baseline(tmp_path, Baseline("n", (make_entry(),)))
    (path.parent / "copy.json").write_text(path.read_text())
    with pytest.raises(ConfigError, match="two entries of digits_int8"):
        load_baseline(tmp_path, "n")
