"""`--hil-compare-schemes` as users meet it."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from tests import models
from tests.sessions import DATA, run

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated]

SUITE = """\
[hil]
schema = 1
name = "small"
[data]
host_function = "host_data"
[metric]
name = "top1"
[[model]]
file = "float32.tflite"
[[model]]
file = "int8.tflite"
[[model]]
file = "per_channel.tflite"
"""
HOST_DATA = """
def host_data():
    many = test_data()
    return {"x": np.concatenate([many["x"]] * 4), "y": np.concatenate([many["y"]] * 4)}
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Path:
    folder = pytester.path / "small"
    folder.mkdir()
    (folder / "suite.toml").write_text(SUITE)
    (folder / "data.py").write_text(DATA + HOST_DATA)
    (folder / "float32.tflite").write_bytes(models.dense_float())
    (folder / "int8.tflite").write_bytes(models.dense_int8())
    (folder / "per_channel.tflite").write_bytes(models.dense_int8((0.1, 0.2, 0.3)))
    return folder


def table(text: str) -> str:
    return text[text.index("schemes of small on stm32f746, emulated, 6 vectors, top1") :]


def test_a_session_ends_with_a_table_per_suite(pytester: pytest.Pytester, suite: Path) -> None:
    files = ("--hil-json", "r.json", "--hil-csv", "r.csv")
    result = run(pytester, "--target", "stm32f746", "--hil-compare-schemes", *files)
    result.assert_outcomes(passed=10, skipped=5)
    text = table(result.stdout.str())
    for word in ("baseline", "not distinguishable", "Pareto", "n 6", "host set", "unsupported"):
        assert word in text, word
    runs = json.loads((pytester.path / "r.json").read_text())["runs"]
    assert [entry["host_only"]["larger_set"]["vectors"] for entry in runs] == [24, 24, 24]
    assert len(runs[0]["samples"]["accuracy_parts"]["device"]) == 6
    rows = pd.read_csv(pytester.path / "r.csv")
    assert rows["model"].tolist() == ["float32", "int8", "per_channel"]
    assert rows["accuracy_drop_vectors"].tolist()[1] == 6
    assert rows["host_set_vectors"].tolist() == [24, 24, 24]
    assert rows["status"].tolist()[2] == "unsupported"


def test_kernel_libraries_are_a_second_axis(pytester: pytest.Pytester, suite: Path) -> None:
    kernels = ("--hil-kernels", "cmsis_nn,reference")
    result = run(pytester, "--target", "stm32f746", "--hil-compare-schemes", *kernels)
    result.assert_outcomes(passed=25, skipped=5)
    text = table(result.stdout.str())
    assert text.count("baseline") == 2
    assert text.count(" reference ") == 3


def test_without_the_option_the_larger_set_is_left_alone(
    pytester: pytest.Pytester, suite: Path
) -> None:
    (suite / "data.py").write_text(DATA)  # no host_data
    result = run(pytester, "--target", "stm32f746", "-k", "float32")
    result.assert_outcomes(passed=5, deselected=10)
    assert "schemes of" not in result.stdout.str()


def test_a_larger_set_that_fails_leaves_the_run_as_it_is(
    pytester: pytest.Pytester, suite: Path
) -> None:
    (suite / "data.py").write_text(DATA)
    arguments = ("--hil-compare-schemes", "-k", "float32", "--hil-json", "r.json")
    result = run(pytester, "--target", "stm32f746", *arguments)
    result.assert_outcomes(passed=5, deselected=10)
    (entry,) = json.loads((pytester.path / "r.json").read_text())["runs"]
    assert "has no function host_data" in entry["host_only"]["larger_set"]["reason"]


@pytest.mark.skipif(not find_spec("xdist"), reason="pytest-xdist is not installed")
def test_several_workers_give_the_same_table(pytester: pytest.Pytester, suite: Path) -> None:
    arguments = ("--target", "stm32f746", "--hil-compare-schemes", "--hil-no-store")
    alone = run(pytester, *arguments)
    together = run(pytester, *arguments, "-n", "2")
    together.assert_outcomes(passed=10, skipped=5)
    first, second = (table(result.stdout.str()) for result in (alone, together))
    lines = [t.split("\n====")[0].splitlines() for t in (first, second)]
    assert lines[0] == lines[1]
