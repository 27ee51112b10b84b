"""The `hil` command as users meet it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hil.data import random_vectors
from hil.model.flatbuffer import parse_model
from tests import models
from tests.conftest import SUITES

HIL = str(Path(sys.executable).with_name("hil"))
DIGITS = SUITES / "digits" / "models" / "digits_int8.tflite"


def hil(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [HIL, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def dense(tmp_path: Path) -> Path:
    path = tmp_path / "dense.tflite"
    path.write_bytes(models.dense_float())
    return path


def refused(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 2, done.stdout
    assert message in done.stderr


def test_help_lists_the_commands() -> None:
    text = hil("--help").stdout
    for command in ("init", "doctor", "run", "model", "build", "flash", "emulate", "targets"):
        assert command in text


def test_targets_are_listed() -> None:
    assert "STM32F746G-DISCO" in hil("targets").stdout


def test_inspect_shows_operators_tensors_scheme_and_macs() -> None:
    text = hil("model", "inspect", DIGITS).stdout
    for word in ("int8", "80,864 MACs", "DEPTHWISE_CONV_2D", "48 scales"):
        assert word in text


def test_inspect_tells_what_would_not_run_and_why(tmp_path: Path) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(models.dense_int8((0.1, 0.2, 0.3)))
    done = hil("model", "inspect", path, "--target", "stm32f746")
    assert done.returncode == 2
    assert "operator 0 FULLY_CONNECTED: per-channel weights" in done.stdout


def test_inspect_of_a_model_that_runs_says_so() -> None:
    done = hil("model", "inspect", DIGITS, "-t", "stm32f746")
    assert done.returncode == 0
    assert "nothing in the file keeps it from running" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.tflite"], "cannot read none.tflite"),
        (["run", __file__], "is no TensorFlow Lite model"),
        (["run", DIGITS, "--target", "stm32f764"], "did you mean stm32f746?"),
        (["run", DIGITS, "--kernels", "fast"], "no kernel library 'fast'"),
        (["run", DIGITS, "--references", "litertt"], "unknown reference 'litertt'"),
        (["run", DIGITS, "--probe", "x"], "needs both"),
        (["run", DIGITS, "--vectors", "none.npz"], "cannot read none.npz"),
        (["run", DIGITS, "--save-outputs", "/nowhere/o.npz"], "cannot write"),
        (["run", DIGITS, "--tflm", "/nowhere"], "there is no TFLM"),
        (["model", "inspect", "none.tflite"], "cannot read"),
        (["model", "inspect", DIGITS, "--kernels", "fast"], "add --target stm32f746"),
        (["model", "inspect", DIGITS, "--tflm", "2020"], "add --target stm32f746"),
        (["tflm", "inspect", "2023"], "one of the generations 2024 and 2020"),
        (["build", "none.tflite"], "cannot read"),
        (["flash", "none.elf", "--probe", "x"], "is no image"),
        (["emulate", "stm32f764"], "did you mean"),
        (["init", "--model", "none.tflite"], "cannot read"),
    ],
)
def test_what_cannot_be_done_is_one_error_with_exit_code_2(
    arguments: Sequence[object], message: str, tmp_path: Path
) -> None:
    refused(hil(*arguments, cwd=tmp_path), message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.emulated
@pytest.mark.toolchain
class TestRunning:
    def test_a_users_model_runs_and_equals_the_reference(self, dense: Path, tmp_path: Path) -> None:
        model = parse_model(dense.read_bytes(), "dense")
        inputs = random_vectors(model, 7, 3).inputs[0].reshape(7, 4)
        np.savez(tmp_path / "v.npz", x=inputs, y=np.zeros(7, np.int64))
        output, result = tmp_path / "o.npz", tmp_path / "r.json"
        done = hil(
            "run",
            dense,
            "--vectors",
            tmp_path / "v.npz",
            "--save-outputs",
            output,
            "--json",
            result,
        )
        assert done.returncode == 0, done.stderr
        assert "pass:" in done.stdout
        with np.load(output) as saved:
            assert saved["outputs"].shape == (7, 3)
            weights = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
            expected = np.dot(inputs, weights.T) + np.arange(3)
            assert np.allclose(saved["outputs"], expected, atol=1e-5)
            assert saved["cycles"].shape == (7,)
        (run,) = json.loads(result.read_text())["runs"]
        assert run["accuracy_metric"] == "top1"
        assert run["metrics"]["accuracy_device"] is not None

    def test_labels_that_do_not_fit_the_model_are_an_error(
        self, dense: Path, tmp_path: Path
    ) -> None:
        x = np.zeros((3, 4), np.float32)
        np.savez(tmp_path / "v.npz", x=x, y=np.array([0, 1, 9]))
        done = hil("run", dense, "--vectors", tmp_path / "v.npz")
        assert done.returncode == 2
        assert "labels go from 0 to 9, the model has 3 classes" in done.stdout
        assert "pass: all 9 output elements equal" in done.stdout

    def test_without_vectors_seeded_random_ones_are_used(self, dense: Path) -> None:
        done = hil("run", dense, "--count", "5")
        assert done.returncode == 0
        assert "all 15 output elements" in done.stdout or "15 output elements" in done.stdout

    def test_the_references_that_were_asked_for_are_told(self) -> None:
        done = hil("run", DIGITS, "--count", "40", "--references", "tflm,litert_ref")
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert any(line.startswith("host TFLM") and "equal" in line for line in lines)
        assert any("(reference kernels)" in line for line in lines)
        assert "XNNPACK" not in done.stdout

    def test_a_model_that_cannot_run_says_why(self, tmp_path: Path) -> None:
        path = tmp_path / "hybrid.tflite"
        path.write_bytes(models.dense_int8(input_type="FLOAT32"))
        refused(hil("run", path), "hybrid")

    def test_a_model_that_cannot_run_is_scored_on_the_host_when_there_are_labels(
        self, tmp_path: Path
    ) -> None:
        path, vectors, result = tmp_path / "m.tflite", tmp_path / "v.npz", tmp_path / "r.json"
        path.write_bytes(models.dense_int8((0.1, 0.2, 0.3)))
        np.savez(vectors, x=np.eye(4, dtype=np.float32), y=np.array([2, 2, 2, 0]))
        done = hil("run", path, "--vectors", vectors, "--json", result)
        refused(done, "per-channel")
        assert "on the host alone LiteRT" in done.stderr
        assert "top1 0.7500 over 4 vectors" in done.stderr
        (run,) = json.loads(result.read_text())["runs"]
        assert run["status"] == "unsupported"
        assert run["host_only"]["same_vectors"]["value"] == 0.75

    def test_vectors_that_do_not_fit_are_refused(self, dense: Path, tmp_path: Path) -> None:
        np.savez(tmp_path / "v.npz", x=np.zeros((3, 5), np.float32))
        refused(hil("run", dense, "--vectors", tmp_path / "v.npz"), "not N x 4")

    def test_build_then_flash_to_an_emulated_board(self, dense: Path, tmp_path: Path) -> None:
        image = tmp_path / "image.elf"
        assert "build id" in hil("build", dense, "-o", image).stdout
        with subprocess.Popen(
            [HIL, "emulate", "--tcp"], stdout=subprocess.PIPE, text=True
        ) as board:
            assert board.stdout is not None
            probe = board.stdout.readline().split()[1]
            port = board.stdout.readline().split()[1]
            assert port.startswith("socket://")
            done = hil("flash", image, "--probe", probe, "--port", port)
            board.send_signal(signal.SIGINT)
        assert "answers at 216,000,000 Hz" in done.stdout, done.stderr
        assert board.returncode == 0

    def test_init_writes_a_suite_that_runs(self, dense: Path, tmp_path: Path) -> None:
        project = tmp_path / "project"
        project.mkdir()
        assert hil("init", "--model", dense, cwd=project).returncode == 0
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--target",
            "stm32f746",
            "-p",
            "no:cacheprovider",
        ]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout

    def test_init_does_not_overwrite(self, dense: Path, tmp_path: Path) -> None:
        hil("init", "--model", dense, cwd=tmp_path)
        refused(hil("init", "--model", dense, cwd=tmp_path), "exists and is not empty")

    def test_doctor_finds_everything_here(self) -> None:
        done = hil("doctor")
        assert done.returncode == 0, done.stdout
        assert "missing" not in done.stdout

    @pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
    def test_ctrl_c_leaves_no_process_behind(self, stop: signal.Signals) -> None:
        command = [HIL, "run", str(DIGITS), "--count", "100000"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        ) as process:
            children: list[int] = []
            deadline = time.monotonic() + 60
            while len(children) < 3:  # board, flasher and a reference
                children = _children(process.pid)
                assert process.poll() is None
                assert time.monotonic() < deadline
            process.send_signal(stop)
            _, errors = process.communicate(timeout=30)
        assert process.returncode not in (0, None)
        assert b"interrupted" in errors
        assert b"Traceback" not in errors
        assert not [pid for pid in children if _is_alive(pid)]


@pytest.mark.toolchain
def test_ctrl_c_while_building_leaves_neither_process_nor_half_a_library(tmp_path: Path) -> None:
    environment = os.environ | {"HIL_CACHE_DIR": str(tmp_path)}
    with subprocess.Popen(
        [HIL, "build", str(DIGITS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 60
        compilers: list[int] = []
        while not compilers:
            assert process.poll() is None
            assert time.monotonic() < deadline
            compilers = [p for child in _children(process.pid) for p in _children(child)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert not [pid for pid in compilers if _is_alive(pid)]
    assert not list(tmp_path.rglob("*.a"))


def _children(pid: int) -> list[int]:
    """Processes that any thread of `pid` started; [] when it is gone."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += [int(child) for child in path.read_text().split()]
    return found


def _is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().split(") ")[1][0] != "Z"
