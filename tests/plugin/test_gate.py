"""The gate as pytest users meet it, on the emulated board."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hil.gate.baseline import Baseline, entries_of, load_baseline, save_baseline
from hil.report.json_report import read_json
from hil.vocab import Kind
from tests import models
from tests.sessions import SUITE, make_suite, run

FOLDER = Path("reports/baselines")
GATED = ("--target", "stm32f746", "--hil-baseline", "night")


@pytest.fixture(scope="module")
def first_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the suite as it is, measured once for all tests."""
    home = tmp_path_factory.mktemp("first")
    make_suite(home / "small")
    command = [sys.executable, "-m", "pytest", "--target", "stm32f746", "--hil-json", "r.json"]
    subprocess.run(command, cwd=home, check=True, capture_output=True, timeout=120)
    return home / "r.json"


@pytest.fixture
def baseline(pytester: pytest.Pytester, suite: Path, first_results: Path) -> Baseline:
    """Of a run of the suite as it is."""
    made = Baseline("night").updated(entries_of(read_json(first_results)))
    save_baseline(pytester.path / FOLDER, made)
    return made


def changed(baseline: Baseline, **metrics: object) -> Baseline:
    """The baseline with other figures, as if something had changed since."""
    (entry,) = baseline.entries
    other = entry.model_copy(update={"metrics": entry.metrics.model_copy(update=metrics)})
    return Baseline(baseline.name, (other,))


# ---- wrong options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hil-gate", "latency.median:+2%"], "*a gate needs something to hold runs against*"),
        (["--hil-baseline-strict"], "*give --hil-baseline NAME*"),
        (["--hil-baseline", "nihgt"], "*there is no baseline 'nihgt'*"),
        (["--hil-baseline", "night", "--hil-gate", "latncy:0"], "*no gate on 'latncy'*"),
        (["--hil-baseline", "night", "--hil-accept", "tools"], "*no condition 'tools'*"),
        (["--hil-baseline", "night", "--hil-gate-repeats", "-1"], "*must not be negative*"),
    ],
)
def test_wrong_gates_are_usage_errors(
    pytester: pytest.Pytester, arguments: list[str], message: str
) -> None:
    result = run(pytester, "--target", "stm32f746", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ('["latncy.median:0"]', "*no gate on 'latncy.median'*"),
        ('["accuracy:+1pp"]', "*higher is better*"),
        ("5", "*gate.limits*"),
    ],
)
def test_a_suites_wrong_limits_are_collection_errors(
    pytester: pytest.Pytester, suite: Path, limits: str, message: str
) -> None:
    (suite / "suite.toml").write_text(f"{SUITE}[model.gate]\nlimits = {limits}\n")
    result = run(pytester, "--target", "stm32f746")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])
    result.stdout.no_fnmatch_line("*Traceback*")


# ---- holding


@pytest.mark.emulated
@pytest.mark.toolchain
class TestHolding:
    def test_the_same_again_passes_and_nothing_is_new(
        self, pytester: pytest.Pytester, baseline: Baseline
    ) -> None:
        zero = "latency.median:0,arena.used:0,flash.total:0,accuracy:0,latency.min:0"
        result = run(pytester, *GATED, "--hil-gate", zero, "--hil-json", "r.json")
        result.assert_outcomes(passed=5)
        result.stdout.fnmatch_lines(["*vs night*=*=*=*=*"])
        (entry,) = json.loads((pytester.path / "r.json").read_text())["runs"]
        assert entry["status"] == "pass"
        answers = entry["checks"]["latency"]["gate"]
        assert [answer["outcome"] for answer in answers] == ["pass", "pass"]

    def test_a_regression_is_the_items_own_failure(
        self, pytester: pytest.Pytester, baseline: Baseline
    ) -> None:
        latency = baseline.entries[0].metrics.latency_median_instructions
        assert latency is not None
        faster = changed(baseline, latency_median_instructions=latency * 0.9)
        save_baseline(pytester.path / FOLDER, faster)
        result = run(pytester, *GATED, "--junitxml", "j.xml")
        result.assert_outcomes(passed=4, failed=1)
        result.stdout.fnmatch_lines(
            [
                "*latency[[]stm32f746-dense[]]*",
                "latency.median * -> * instructions: +*(+11.11%)*beyond the limit +2% of baseline*",
                "  the image is the same one, bit for bit",
            ]
        )
        tree = ElementTree.parse(pytester.path / "j.xml")
        failed = [case for case in tree.iter("testcase") if case.find("failure") is not None]
        assert [case.get("name") for case in failed] == ["latency[stm32f746-dense]"]
        properties = {p.get("name"): p.get("value") for p in failed[0].iter("property")}
        assert properties["hil.status"] == "fail"
        assert properties["hil.gate.latency.median"] == "fail latency.median:+2%"
        assert all(len(value or "") <= 200 for value in properties.values())

    def test_a_suites_limit_goes_before_the_general_one_and_a_models_before_the_suites(
        self, pytester: pytest.Pytester, suite: Path, baseline: Baseline
    ) -> None:
        save_baseline(pytester.path / FOLDER, changed(baseline, flash_bytes=1000))
        gate = ("--hil-gate", "flash.total:0")
        run(pytester, *GATED, *gate).assert_outcomes(passed=4, failed=1)
        wide = '[gate]\nlimits = ["flash.total:+1MiB"]\n'
        (suite / "suite.toml").write_text(SUITE + wide)
        run(pytester, *GATED, *gate).assert_outcomes(passed=5)
        tight = '[model.gate]\nlimits = ["flash.total:0"]\n'
        (suite / "suite.toml").write_text(SUITE + tight + wide)
        run(pytester, *GATED, *gate).assert_outcomes(passed=4, failed=1)

    def test_a_marker_goes_before_all(
        self, pytester: pytest.Pytester, suite: Path, baseline: Baseline
    ) -> None:
        save_baseline(pytester.path / FOLDER, changed(baseline, flash_bytes=1000))
        pytester.makeconftest(
            "import pytest\n"
            "def pytest_collection_modifyitems(items):\n"
            "    for item in items:\n"
            "        if item.name.startswith('flash'):\n"
            "            item.add_marker(pytest.mark.hil_gate('flash.total:+1MiB'))\n"
        )
        run(pytester, *GATED, "--hil-gate", "flash.total:0").assert_outcomes(passed=5)

    def test_a_test_in_python_has_its_runs_own_limits(
        self, pytester: pytest.Pytester, suite: Path, baseline: Baseline
    ) -> None:
        save_baseline(pytester.path / FOLDER, changed(baseline, flash_bytes=1000))
        (suite / "test_own.py").write_text(
            "import pytest\n"
            "@pytest.mark.hil(model='dense')\n"
            "@pytest.mark.hil_gate('flash.total:+1KiB')\n"
            "def test_tight(hil_run): pass\n"
            "@pytest.mark.hil(model='dense')\n"
            "@pytest.mark.hil_gate('flash.total:+1MiB')\n"
            "def test_wide(hil_run): pass\n"
            "@pytest.mark.hil(model='dense')\n"
            "@pytest.mark.hil_gate(5)\n"
            "def test_wrong(hil_run): pass\n"
        )
        result = run(pytester, *GATED, "small/test_own.py")
        result.assert_outcomes(passed=1, failed=2)
        result.stdout.fnmatch_lines(["flash.total 1,000 -> *", "*hil_gate takes expressions*"])

    def test_what_is_new_is_listed_and_fails_when_strict(
        self, pytester: pytest.Pytester, suite: Path, baseline: Baseline
    ) -> None:
        (suite / "other.tflite").write_bytes(models.dense_float(4, 3))
        (suite / "suite.toml").write_text(SUITE + '[[model]]\nfile = "other.tflite"\n')
        result = run(pytester, *GATED)
        result.assert_outcomes(passed=10)
        result.stdout.fnmatch_lines(["new: other *latency.median*: baseline night has no such run"])
        strict = run(pytester, *GATED, "--hil-baseline-strict")
        strict.assert_outcomes(passed=6, failed=4)  # of floats there is no LSB to hold

    def test_what_vanished_is_listed_and_fails_when_strict(
        self, pytester: pytest.Pytester, suite: Path, baseline: Baseline
    ) -> None:
        (entry,) = baseline.entries
        gone = [
            entry.model_copy(update=change)
            for change in (
                {"model": "gone"},
                {"suite": "s"},
                # Not measured here: nothing is known to be missing.
                {"model": "of real boards", "kind": Kind.HARDWARE},
                {"model": "elsewhere", "target": "nucleo_f746zg"},
            )
        ]
        save_baseline(pytester.path / FOLDER, baseline.updated(gone))
        result = run(pytester, *GATED, "-rs")
        result.assert_outcomes(passed=5, skipped=2)
        for what in ("gone (float32, cmsis_nn) of small", "dense (float32, cmsis_nn) of s"):
            result.stdout.fnmatch_lines([f"vanished: the baseline has {what} on stm32f746"])
        run(pytester, *GATED, "--hil-baseline-strict").assert_outcomes(passed=5, failed=2)
        # Of a part nothing is known to be missing but what the part itself should have.
        run(pytester, *GATED, "small").assert_outcomes(passed=5, skipped=1)
        run(pytester, *GATED, "-k", "dense and latency").assert_outcomes(passed=1)

    def test_workers_see_the_same_entries_vanish(
        self, pytester: pytest.Pytester, baseline: Baseline
    ) -> None:
        (entry,) = baseline.entries
        gone = entry.model_copy(update={"suite": "gone"})
        save_baseline(pytester.path / FOLDER, baseline.updated([gone]))
        run(pytester, *GATED, "-n", "2").assert_outcomes(passed=5, skipped=1)

    def test_what_cannot_be_compared_is_listed_and_may_be_accepted(
        self, pytester: pytest.Pytester, baseline: Baseline
    ) -> None:
        (entry,) = baseline.entries
        older = entry.subject.model_copy(update={"toolchain": "gcc 4"})
        other = Baseline("night", (entry.model_copy(update={"subject": older}),))
        save_baseline(pytester.path / FOLDER, other)
        result = run(pytester, *GATED)
        result.assert_outcomes(passed=5)
        result.stdout.fnmatch_lines(
            ["incomparable: dense *latency.median*: not comparable*toolchain: gcc 4 -> *"]
        )
        run(pytester, *GATED, "--hil-baseline-strict").assert_outcomes(passed=1, failed=4)
        accepted = run(pytester, *GATED, "--hil-baseline-strict", "--hil-accept", "toolchain")
        accepted.assert_outcomes(passed=5)

    def test_what_does_not_run_any_more_fails_when_strict(
        self, pytester: pytest.Pytester, suite: Path, baseline: Baseline
    ) -> None:
        (suite / "dense.tflite").write_bytes(models.single_operator("TILE"))
        listed = run(pytester, *GATED)
        listed.assert_outcomes(skipped=5)
        listed.stdout.fnmatch_lines(["unsupported: dense *TILE*; it ran in baseline night*"])
        result = run(pytester, *GATED, "--hil-baseline-strict")
        result.assert_outcomes(failed=5)
        result.stdout.fnmatch_lines(["unsupported now, and the baseline has it: *TILE*"])

    def test_the_ini_file_may_set_it_all(
        self, pytester: pytest.Pytester, baseline: Baseline
    ) -> None:
        home = pytester.path / "elsewhere"
        save_baseline(home, changed(load_baseline(pytester.path / FOLDER, "night"), flash_bytes=1))
        pytester.makeini(
            "[pytest]\nhil_target = stm32f746\nhil_baseline = night\nhil_baselines = elsewhere\n"
            "hil_gate =\n    flash.total:0\n    latency.median:0\n"
        )
        run(pytester).assert_outcomes(passed=4, failed=1)
        run(pytester, "--hil-gate", "latency.median:0").assert_outcomes(passed=5)
        # Without a baseline the ini file's gate has nothing to say.
        run(pytester, "-o", "hil_baseline=").assert_outcomes(passed=5)
