"""`hil history` and its kin as users meet them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from hil.cli.app import MODULES, make_app, modules_for
from hil.gate.baseline import Baseline, save_baseline
from hil.store.spool import Spool
from hil.store.store import Store, open_store
from tests import models
from tests.cli.test_cli import HIL, hil, refused
from tests.entries import changed_record, make_entry
from tests.stored import SESSION, failed_run, make_run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose history holds three runs of a model and one that failed."""
    store = history_of(tmp_path)
    store.add_run(make_run(1))
    store.add_run(make_run(2, changed_record({"latency_median_instructions": 1100.0})))
    store.add_run(make_run(3, changed_record({"latency_median_instructions": 1100.0})))
    store.add_run(failed_run())
    store.close()
    return tmp_path


def history_of(root: Path) -> Store:
    return open_store(str(root / ".hil" / "history.sqlite"))


def test_runs_are_listed_with_their_change(project: Path) -> None:
    text = hil("history", cwd=project).stdout
    assert text.index("error") < text.index("00000003") < text.index("00000001")
    assert "+10.00%" in text
    assert "instruction counts, not time" in text


def test_runs_from_another_tree_are_not_compared_but_told(project: Path) -> None:
    store = history_of(project)
    subject: dict[str, object] = {
        "tflm_origin": "pico-tflmicro-sys 0.1.0",
        "tflm_digest": "dd",
        "tflm_generation": "2024",
    }
    store.add_run(make_run(4, changed_record({"latency_median_instructions": 550.0}, subject)))
    store.close()
    text = hil("history", cwd=project).stdout
    assert "+10.00%" in text
    assert "-50.00%" not in text
    assert (
        "another TFLM tree, not compared: 2020, tfmicro 0.1.0, cc -> "
        "2024, pico-tflmicro-sys 0.1.0, dd; --hil-tflm 2020 continues the older line"
    ) in text


def test_lists_can_be_narrowed(project: Path) -> None:
    assert "00000001" not in hil("history", "-n", "2", cwd=project).stdout
    assert "the newest 2 of 4" in hil("history", "-n", "2", cwd=project).stdout
    only = hil("history", "--status", "error", cwd=project).stdout
    assert "error" in only
    assert "00000003" not in only
    assert "no such run" in hil("history", "--model", "other", cwd=project).stdout
    assert "no such run" in hil("history", "--since", "2099-01-01", cwd=project).stdout
    refused(hil("history", "--since", "yesterday", cwd=project), "is no time")


def test_a_folder_below_the_project_knows_its_history(project: Path) -> None:
    below = project / "suites" / "x"
    below.mkdir(parents=True)
    assert "00000001" in hil("history", cwd=below).stdout


def test_without_a_history_nothing_is_made(tmp_path: Path) -> None:
    for command in (["history"], ["show", "x"], ["export", "--csv", "x"], ["merge", "x.sqlite"]):
        refused(hil(*command, cwd=tmp_path), "there is no history")
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_is_no_error(project: Path) -> None:
    command = f"{HIL} history | head -n 1"
    done = subprocess.run(command, shell=True, cwd=project, capture_output=True, text=True)
    assert done.stderr == ""


def test_a_run_is_shown_whole(project: Path) -> None:
    text = hil("show", "00000002", cwd=project).stdout
    for word in ("arena: fine", "tflm_digest", "CONV_2D", "latency_median_instructions", "1,100"):
        assert word in text
    document = json.loads(hil("show", "00000002", "--json", cwd=project).stdout)
    assert document["samples"]["latency_instructions"] == [990, 1010]
    refused(hil("show", "20260101T000009", cwd=project), "there is no run")


def test_a_table_has_a_row_per_run(project: Path) -> None:
    done = hil("export", "--csv", "h.csv", "--parquet", "h.parquet", cwd=project)
    assert done.stdout == "4 runs in h.csv, h.parquet\n"
    table = pd.read_csv(project / "h.csv")
    assert list(table["latency_median_instructions"].dropna()) == [1000.0, 1100.0, 1100.0]
    assert len(pd.read_parquet(project / "h.parquet")) == 4
    refused(hil("export", cwd=project), "nothing to write")
    refused(hil("export", "--csv", "/nowhere/x.csv", cwd=project), "cannot write")


def test_another_history_is_merged_once(project: Path, tmp_path: Path) -> None:
    other = open_store(str(tmp_path / "other.sqlite"))
    other.add_run(make_run(1))
    other.add_run(make_run(7))
    other.close()
    assert hil("merge", "other.sqlite", cwd=project).stdout.startswith("1 new runs of 2 in")
    assert hil("merge", "other.sqlite", cwd=project).stdout.startswith("0 new runs of 2 in")
    assert history_of(project).count() == 5


def test_old_runs_are_forgotten_but_for_those_a_baseline_names(project: Path) -> None:
    refused(hil("prune", cwd=project), "nothing says what to keep")
    named = make_entry().model_copy(update={"run_id": make_run(1).run_id})
    save_baseline(project / "reports" / "baselines", Baseline("b", (named,)))
    refused(hil("prune", "--keep", "1", cwd=project), "nobody is there to ask")
    assert history_of(project).count() == 4
    # The newest of its key, and of those that failed; number 1 is named.
    done = hil("prune", "--keep", "1", "--yes", cwd=project)
    assert "1 of 4 runs go, 3 stay" in done.stdout
    left = [run.run_id for run in history_of(project).runs()]
    assert make_run(2).run_id not in left
    assert len(left) == 3
    assert "0 of 3 runs go" in hil("prune", "--keep", "1", "--yes", cwd=project).stdout


def test_what_a_dead_session_left_is_taken_in(project: Path) -> None:
    spool = Spool(project, "dead")
    spool.folder.mkdir(parents=True)
    spool.write(make_run(9, session=SESSION))
    done = hil("history", cwd=project)
    assert "1 runs of a session that died were taken in" in done.stderr
    assert "00000009" in done.stdout


def test_the_report_of_an_interrupted_session_does_not_say_all_good(project: Path) -> None:
    assert hil("report", "-o", "r.html", cwd=project).returncode == 0
    text = (project / "r.html").read_text()
    assert "did not come to its end" in text
    assert "All good" not in text


@pytest.mark.emulated
@pytest.mark.toolchain
def test_a_users_own_runs_and_profiles_are_kept_and_marked(tmp_path: Path) -> None:
    (tmp_path / "dense.tflite").write_bytes(models.dense_float())
    assert hil("run", "dense.tflite", "--count", "3", cwd=tmp_path).returncode == 0
    assert hil("profile", "dense.tflite", cwd=tmp_path).returncode == 0
    assert hil("run", "dense.tflite", "--count", "3", "--no-store", cwd=tmp_path).returncode == 0
    profile, run = history_of(tmp_path).points()
    assert (run.origin, profile.origin) == ("run", "profile")
    assert run.status == "pass"
    assert profile.latency
    stored = history_of(tmp_path).run(profile.run_id).record
    assert stored is not None
    assert stored.operators is not None
    assert stored.metrics.accuracy_device is None
    assert stored.absent["accuracy_device"]


@pytest.mark.emulated
@pytest.mark.toolchain
def test_noise_of_an_emulated_board_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "suites" / "dense"
    (tmp_path / "dense.tflite").write_bytes(models.dense_float())
    hil("init", "--model", "dense.tflite", cwd=tmp_path)
    done = hil("noise", folder, "--runs", "4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "noise floor of stm32f746, latency.median: 0.000%" in done.stdout
    assert "it has no noise to know" in done.stdout
    assert {point.origin for point in history_of(tmp_path).points()} == {"noise"}
    refused(hil("noise", folder, "--model", "other", cwd=tmp_path), "no model of these suites")


# ---- start


def test_a_command_imports_its_own_module_only() -> None:
    assert modules_for(["history", "-n", "3"]) == ["history"]
    for nothing in (["--version"], ["--help"], ["histroy"], []):
        assert modules_for(nothing) == []


def test_every_command_is_found_by_its_name() -> None:
    for module, commands in MODULES.items():
        app = make_app([module])
        groups = [group.name for group in app.registered_groups]
        assert {*[c.name for c in app.registered_commands], *groups} == set(commands)


def test_the_history_is_listed_without_slow_imports(project: Path) -> None:
    code = (
        "import sys; sys.argv = ['hil', 'history']\n"
        "from hil.cli.app import run_app\n"
        "try: run_app()\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'pandas', 'alembic', 'pyocd', 'serial'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project
    )
    assert done.stdout.splitlines()[-1] == "[]"
