"""Several workers: every run once, on one worker, in one summary."""

from __future__ import annotations

import json
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import models
from tests.sessions import DATA, run

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.emulated,
    pytest.mark.skipif(not find_spec("xdist"), reason="pytest-xdist is not installed"),
]

SUITE = """\
[hil]
schema = 1
name = "pair"
[[model]]
file = "dense.tflite"
[[model]]
file = "dense.tflite"
name = "dense-again"
"""
TEST = """\
import pytest
@pytest.mark.hil(model="dense-again")
def test_arena(hil_run):
    assert hil_run.metrics.arena_used_bytes < 2000
@pytest.mark.parametrize("number", range(4))
def test_other(number):
    pass
"""


@pytest.fixture
def pair(pytester: pytest.Pytester) -> Path:
    folder = pytester.path / "pair"
    folder.mkdir()
    (folder / "suite.toml").write_text(SUITE)
    (folder / "data.py").write_text(DATA)
    (folder / "dense.tflite").write_bytes(models.dense_float())
    (folder / "test_pair.py").write_text(TEST)
    return folder


def test_each_run_is_done_once(pytester: pytest.Pytester, pair: Path) -> None:
    result = run(pytester, "--target", "stm32f746", "-n", "2", "--hil-json", "r.json", "-v")
    result.assert_outcomes(passed=2 * 4 + 1 + 4, skipped=2)
    assert result.stdout.str().count("=== hil ===") == 1
    runs = json.loads((pytester.path / "r.json").read_text())["runs"]
    assert Counter(entry["model"] for entry in runs) == {"dense": 1, "dense-again": 1}
    assert all(len(entry["checks"]) == 5 for entry in runs)
    workers: dict[str, set[str]] = {}
    for line in result.stdout.lines:
        if line.startswith("[gw") and "stm32f746-dense" in line:
            label = line.partition("[stm32f746-")[2].partition("]")[0]
            workers.setdefault(label, set()).add(line.split("]")[0])
    assert {label: len(used) for label, used in workers.items()} == {"dense": 1, "dense-again": 1}


def test_with_one_board_all_runs_go_to_one_worker(pytester: pytest.Pytester, pair: Path) -> None:
    arguments = ("--hil-probe", "0669FF", "--hil-port", "/dev/ttyACM77", "-n", "2", "-v")
    result = run(pytester, "--target", "stm32f746", *arguments)
    used = {line.split("]")[0] for line in result.stdout.lines if "ERROR pair/suite.toml" in line}
    assert len({worker for worker in used if worker.startswith("[gw")}) == 1


def test_another_distribution_is_refused(pytester: pytest.Pytester, pair: Path) -> None:
    result = run(pytester, "--target", "stm32f746", "-n", "2", "--dist", "loadfile")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--dist loadfile would tear runs apart*", "*leave --dist out*"])


def test_without_a_target_xdist_is_left_alone(pytester: pytest.Pytester, pair: Path) -> None:
    result = run(pytester, "-n", "2", "--dist", "loadfile")
    result.assert_outcomes(passed=4, skipped=11)
