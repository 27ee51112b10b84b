"""The plugin as pytest users meet it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import models
from tests.conftest import SUITES
from tests.sessions import SUITE, run


def no_hil_process_is_left() -> bool:
    listing = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True)
    orphans = [line for line in listing.stdout.splitlines() if line.split()[0] == "1"]
    return not any("-m hil." in line for line in orphans)


# ---- without a target


def test_without_a_target_suite_items_skip_with_a_reason(
    pytester: pytest.Pytester, suite: Path
) -> None:
    result = run(pytester, "-rs")
    result.assert_outcomes(skipped=5)
    result.stdout.fnmatch_lines(["*nothing to measure on: give --target NAME*"])
    result.stdout.no_fnmatch_line("*= hil =*")


def test_without_a_target_other_tests_run_as_ever(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): assert True")
    result = run(pytester)
    result.assert_outcomes(passed=1)


def test_a_suite_toml_of_another_tool_is_left_alone(pytester: pytest.Pytester) -> None:
    (pytester.path / "suite.toml").write_text('[suite]\nname = "not ours"\n')
    result = run(pytester, "--collect-only", "-q")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_help_lists_every_option_with_its_default(pytester: pytest.Pytester) -> None:
    text = run(pytester, "--help").stdout.str()
    for option in ("--target", "--hil-kind", "--hil-kernels", "--hil-json", "--hil-log-dir"):
        assert option in text
    for option in ("--hil-compare-schemes", "--hil-references", "--hil-csv", "--hil-parquet"):
        assert option in text
    ours = text[text.index("hardware-in-the-loop") :].split("\n\n")[0]
    for option in ("--hil-min-rounds", "--hil-precision", "--hil-confidence", "--hil-max-time"):
        assert option in text
    options = re.findall(r"^  (--[\w-]+)", ours, re.M)
    # All but --target, which is --hil-target in short.
    assert ours.count("(Default:") == len(options) - 1


def test_help_imports_nothing_slow(pytester: pytest.Pytester) -> None:
    code = (
        "import sys, pytest\n"
        "pytest.main(['--help'])\n"
        "slow = {'pyocd', 'tensorflow', 'unicorn', 'numpy', 'pandas', 'pydantic', 'rich'}\n"
        "print('imported:', sorted(slow & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "imported: []" in done.stdout


def test_the_plugin_may_be_named_in_a_conftest_too(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["hil.plugin"]')
    pytester.makepyfile("def test_other(): assert True")
    run(pytester).assert_outcomes(passed=1)


# ---- wrong options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "stm32f764"], "*unknown target 'stm32f764'*"),
        (["--target", "stm32f746", "--hil-kernels", "referense"], "*it has cmsis_nn, reference*"),
        (["--target", "stm32f746", "--hil-probe", "x"], "*needs both*"),
        (["--target", "stm32f746", "--hil-json", "/nowhere/x.json"], "*cannot write*"),
        (["--target", "stm32f746", "--hil-csv", "/nowhere/x.csv"], "*cannot write*"),
        (["--target", "stm32f746", "--hil-parquet", "/nowhere/x"], "*cannot write*"),
        (["--target", "stm32f746", "--hil-bundle", "/proc/x"], "*cannot make --hil-bundle*"),
        (["--target", "stm32f746", "--hil-html", "/nowhere/x.html"], "*cannot write*"),
        (["--target", "stm32f746", "--hil-markdown", "/nowhere/x.md"], "*cannot write*"),
        (["--target", "stm32f746", "--hil-references", "litertt"], "*did you mean litert?*"),
        (["--target", "stm32f746", "--hil-kind", "real"], "*invalid choice*"),
        (["-o", "hil_cache_max_bytes=lots"], "*hil_cache_max_bytes: 'lots' is not a size*"),
    ],
)
def test_wrong_options_are_usage_errors(
    pytester: pytest.Pytester, suite: Path, arguments: list[str], message: str
) -> None:
    result = run(pytester, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
    assert "Traceback" not in result.stderr.str()


def test_a_broken_suite_is_a_collection_error(pytester: pytest.Pytester, suite: Path) -> None:
    (suite / "suite.toml").write_text(SUITE + "[cheks]\n")
    result = run(pytester, "--target", "stm32f746")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*unknown key 'cheks'*", "*did you mean checks?*"])
    result.stdout.no_fnmatch_line("*Traceback*")


# ---- measuring


@pytest.mark.emulated
@pytest.mark.toolchain
class TestMeasuring:
    def test_a_suite_is_measured(self, pytester: pytest.Pytester, suite: Path) -> None:
        result = run(pytester, "--target", "stm32f746", "-v", "--hil-json", "r.json")
        result.assert_outcomes(passed=5)
        names = ["outputs", "accuracy", "latency", "arena", "flash"]
        result.stdout.fnmatch_lines(
            [f"small/suite.toml::{name}[[]stm32f746-dense[]] PASSED*" for name in names]
        )
        result.stdout.fnmatch_lines(["*emulated: instruction counts, not time*"])
        document = json.loads((pytester.path / "r.json").read_text())
        (entry,) = document["runs"]
        assert (entry["suite"], entry["model"], entry["scheme"]) == ("small", "dense", "float32")
        assert (entry["target"], entry["kind"]) == ("stm32f746", "emulated")
        assert set(entry["checks"]) == set(names)
        assert entry["checks"]["latency"]["status"] == "new"
        assert len(entry["samples"]["latency_instructions"]) == 6
        assert no_hil_process_is_left()

    def test_a_limit_that_is_exceeded_fails_with_the_figures(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        (suite / "suite.toml").write_text(SUITE + "[checks.latency]\nmax_instructions = 10\n")
        result = run(pytester, "--target", "stm32f746", "--junitxml", "j.xml")
        result.assert_outcomes(passed=4, failed=1)
        result.stdout.fnmatch_lines(
            ["*_ latency[[]stm32f746-dense[]] _*", "median * above 10 instructions"]
        )
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert 'failures="1"' in (pytester.path / "j.xml").read_text()
        result.stdout.no_fnmatch_line("*Traceback*")

    def test_a_check_can_be_chosen(self, pytester: pytest.Pytester, suite: Path) -> None:
        result = run(pytester, "--target", "stm32f746", "-k", "arena")
        result.assert_outcomes(passed=1, deselected=4)

    def test_the_ini_file_names_target_and_kind(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        pytester.makeini("[pytest]\nhil_target = stm32f746\nhil_kind = emulated\n")
        run(pytester, "-k", "flash").assert_outcomes(passed=1, deselected=4)

    def test_kernel_libraries_are_swept(self, pytester: pytest.Pytester, suite: Path) -> None:
        kernels = "cmsis_nn,reference"
        result = run(pytester, "--target", "stm32f746", "--hil-kernels", kernels, "--collect-only")
        result.stdout.fnmatch_lines(["*outputs[[]stm32f746-dense-reference[]]*"])

    def test_an_unsupported_model_skips_with_its_reason(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        (suite / "dense.tflite").write_bytes(models.dense_int8((0.1, 0.2, 0.3)))
        result = run(pytester, "--target", "stm32f746", "-rs")
        result.assert_outcomes(skipped=5)
        result.stdout.fnmatch_lines(["*operator 0 FULLY_CONNECTED: per-channel weights*"])
        assert result.ret == pytest.ExitCode.OK

    def test_an_unsupported_model_is_still_scored_on_the_host(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        (suite / "dense.tflite").write_bytes(models.dense_int8((0.1, 0.2, 0.3)))
        result = run(pytester, "--target", "stm32f746", "--hil-json", "r.json")
        result.stdout.fnmatch_lines(
            ["unsupported: dense (top1 of LiteRT 0.*): FULLY_CONNECTED: per-channel weights*"]
        )
        (entry,) = json.loads((pytester.path / "r.json").read_text())["runs"]
        assert entry["status"] == "unsupported"
        assert entry["scheme"] == "int8"
        same = entry["host_only"]["same_vectors"]
        assert 0 <= same["value"] <= 1
        assert (same["metric"], same["vectors"]) == ("top1", 6)
        assert entry["host_only"]["larger_set"] is None

    def test_a_host_that_cannot_score_it_either_says_why(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        # Dynamic range with an integer bias: LiteRT refuses that too.
        (suite / "dense.tflite").write_bytes(models.dense_int8(input_type="FLOAT32"))
        result = run(pytester, "--target", "stm32f746")
        result.assert_outcomes(skipped=5)
        result.stdout.fnmatch_lines(["*no accuracy of LiteRT: LiteRT refuses*"])

    def test_references_are_chosen(self, pytester: pytest.Pytester, suite: Path) -> None:
        pytester.makeini("[pytest]\nhil_references = litert_ref\n")
        result = run(pytester, "--target", "stm32f746", "-rs", "--hil-json", "r.json")
        result.assert_outcomes(passed=4, skipped=1)
        result.stdout.fnmatch_lines(["*no reference to judge by: tflm or tflm_tree is not among*"])
        (entry,) = json.loads((pytester.path / "r.json").read_text())["runs"]
        assert list(entry["comparisons"]) == ["litert_ref"]

    def test_an_unsupported_model_fails_when_asked_to(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        (suite / "dense.tflite").write_bytes(models.dense_int8((0.1, 0.2, 0.3)))
        result = run(pytester, "--target", "stm32f746", "--hil-unsupported", "fail")
        result.assert_outcomes(errors=5)

    def test_ctrl_c_keeps_what_was_measured_and_says_that_it_is_not_all(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        (suite.parent / "test_z.py").write_text("def test_z():\n    raise KeyboardInterrupt\n")
        (pytester.path / "r.csv").write_text("last night's")
        files = ["--hil-json=r.json", "--hil-csv=r.csv"]
        result = run(pytester, "--target", "stm32f746", "small", "test_z.py", *files)
        assert result.ret == pytest.ExitCode.INTERRUPTED
        result.stdout.fnmatch_lines(["results: *r.json (not complete)", "*r.csv not written*"])
        document = json.loads((pytester.path / "r.json").read_text())
        assert (document["complete"], len(document["runs"])) == (False, 1)
        assert (pytester.path / "r.csv").read_text() == "last night's"

    def test_ctrl_c_before_any_result_leaves_the_files_as_they_were(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        (suite.parent / "test_a.py").write_text("def test_a():\n    raise KeyboardInterrupt\n")
        (pytester.path / "r.json").write_text("last night's")
        arguments = ["--target", "stm32f746", "test_a.py", "small", "--hil-json=r.json"]
        result = run(pytester, *arguments)
        assert result.ret == pytest.ExitCode.INTERRUPTED
        assert (pytester.path / "r.json").read_text() == "last night's"

    def test_two_kinds_of_results_need_two_files(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        result = run(pytester, "--target", "stm32f746", "--hil-json=r.x", "--hil-csv=r.x")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*two kinds of results would be written to r.x*"])

    def test_data_that_raises_is_an_error_not_a_failure(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        (suite / "data.py").write_text("def test_data():\n    raise RuntimeError('gone')\n")
        result = run(pytester, "--target", "stm32f746")
        result.assert_outcomes(errors=5)
        result.stdout.fnmatch_lines(["*raised RuntimeError: gone*", "*data.py:2: raise*"])
        result.stdout.no_fnmatch_line("*Traceback*")
        assert len(result.stdout.lines) < 70  # told once, without the way through pytest
        # pytest's own summary repeats a message's first line, under CI all of its lines.
        before_summary = result.stdout.str().split("short test summary")[0]
        assert before_summary.count("data.py:2: raise") == 1
        assert result.ret == 10
        assert no_hil_process_is_left()

    def test_hardware_without_a_board_is_an_error(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        result = run(pytester, "--target", "stm32f746", "--hil-kind", "hardware")
        result.assert_outcomes(errors=5)
        result.stdout.fnmatch_lines(["*rules out emulation*"])

    def test_a_probe_that_is_not_there_is_an_error(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        real = ["--hil-probe", "0669FF", "--hil-port", "/dev/ttyACM77"]
        result = run(pytester, "--target", "stm32f746", *real)
        result.assert_outcomes(errors=5)
        result.stdout.fnmatch_lines(["*no probe 0669FF*"])
        assert result.ret == 10

    def test_an_emulated_board_started_by_hand_goes_the_way_of_a_real_one(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        hil = str(Path(sys.executable).with_name("hil"))
        with subprocess.Popen(
            [hil, "emulate"], stdout=subprocess.PIPE, text=True, env=os.environ
        ) as board:
            assert board.stdout is not None
            probe = board.stdout.readline().split()[1]
            port = board.stdout.readline().split()[1]
            real = ["--hil-probe", probe, "--hil-port", port, "--hil-json", "r.json"]
            result = run(pytester, "--target", "stm32f746", *real)
            board.send_signal(2)
        result.assert_outcomes(passed=5)
        (entry,) = json.loads((pytester.path / "r.json").read_text())["runs"]
        assert entry["board"] == probe
        assert entry["kind"] == "emulated"
        assert entry["metrics"]["latency_median_ms"] is None

    def test_a_port_that_pytest_takes_for_a_path_does_not_lose_the_ini_file(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        pytester.makeini("[pytest]\n")
        result = run(
            pytester, "--target", "stm32f746", "--hil-probe", "x", "--hil-port", "/dev/null"
        )
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*write --hil-port=/dev/null, with = in between*"])

    def test_fixtures_serve_tests_written_in_python(
        self, pytester: pytest.Pytester, suite: Path
    ) -> None:
        (suite / "test_dense.py").write_text(
            "import numpy as np\n"
            "import pytest\n"
            "@pytest.mark.hil(model='dense')\n"
            "def test_bias(hil_device):\n"
            "    zero = np.zeros(4, np.float32).tobytes()\n"
            "    (output,) = hil_device.infer([zero], 10).outputs\n"
            "    assert np.frombuffer(output, np.float32).tolist() == [0, 1, 2]\n"
            "@pytest.mark.hil(model='dense')\n"
            "def test_small(hil_run, hil_target, hil_board):\n"
            "    assert hil_run.metrics.arena_used_bytes < 2000\n"
            "    assert hil_run.board == hil_board.id\n"
            "    assert hil_target.name == 'stm32f746'\n"
        )
        result = run(pytester, "--target", "stm32f746", "-v")
        result.assert_outcomes(passed=7)
        result.stdout.fnmatch_lines(["*test_bias[[]stm32f746-dense[]] PASSED*"])
        assert result.stdout.str().count(": measure (") == 1

    def test_fixtures_skip_without_a_target(self, pytester: pytest.Pytester, suite: Path) -> None:
        (suite / "test_dense.py").write_text("def test_it(hil_device): pass\n")
        run(pytester, "small/test_dense.py").assert_outcomes(skipped=1)

    @pytest.mark.parametrize(
        ("marker", "message"),
        [
            ("", "*say which model*"),
            ("@pytest.mark.hil('dense')", "*say which model*"),
            ("@pytest.mark.hil(model='dence')", "*did you mean dense?*"),
        ],
    )
    def test_a_wrong_marker_is_explained(
        self, pytester: pytest.Pytester, suite: Path, marker: str, message: str
    ) -> None:
        text = f"import pytest\n{marker}\ndef test_it(hil_run): pass\n"
        (suite / "test_dense.py").write_text(text)
        result = run(pytester, "--target", "stm32f746", "small/test_dense.py")
        result.stdout.fnmatch_lines([message])
        result.assert_outcomes(errors=1)

    def test_targets_can_be_chosen_by_marker(self, pytester: pytest.Pytester, suite: Path) -> None:
        (suite / "test_dense.py").write_text(
            "import pytest\n"
            "@pytest.mark.hil_targets('nrf*')\n"
            "def test_elsewhere(hil_target): pass\n"
            "@pytest.mark.hil_targets('stm32*')\n"
            "def test_here(hil_target): pass\n"
        )
        result = run(pytester, "--target", "stm32f746", "small/test_dense.py")
        result.assert_outcomes(passed=1, skipped=1)

    def test_frames_are_logged(self, pytester: pytest.Pytester, suite: Path) -> None:
        result = run(pytester, "--target", "stm32f746", "--hil-log-dir", "logs", "-q")
        result.assert_outcomes(passed=5)
        (log,) = (pytester.path / "logs").glob("*.jsonl")
        assert log.name == "stm32f746-small-dense-cmsis_nn.jsonl"

    def test_quiet_shows_no_progress(self, pytester: pytest.Pytester, suite: Path) -> None:
        result = run(pytester, "--target", "stm32f746", "-q")
        result.stdout.no_fnmatch_line("*hil: dense on stm32f746*")

    def test_no_cache_folder_is_an_error_with_a_hint(
        self, pytester: pytest.Pytester, suite: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HIL_CACHE_DIR", "/dev/null/cache")
        result = run(pytester, "--target", "stm32f746")
        result.assert_outcomes(errors=5)
        result.stdout.fnmatch_lines(["*cannot write the cache folder*", "*HIL_CACHE_DIR*"])

    def test_no_toolchain_is_an_error_with_a_hint(
        self, pytester: pytest.Pytester, suite: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tools = pytester.path / "bin"
        tools.mkdir()
        for name in ("cargo", "cmake", "ninja", "rustc"):
            found = shutil.which(name)
            if found:
                (tools / name).symlink_to(found)
        monkeypatch.setenv("PATH", str(tools))
        result = run(pytester, "--target", "stm32f746")
        result.assert_outcomes(errors=5)
        result.stdout.fnmatch_lines(
            ["*arm-none-eabi-g++ is not installed*", "*apt-get install gcc-arm-none-eabi*"]
        )


@pytest.mark.emulated
@pytest.mark.toolchain
@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn is not installed")
def test_our_own_digits_suite_passes(pytester: pytest.Pytester) -> None:
    shutil.copytree(SUITES / "digits", pytester.path / "digits")
    result = run(pytester, "--target", "stm32f746", "-k", "int8")
    assert result.ret == pytest.ExitCode.OK
