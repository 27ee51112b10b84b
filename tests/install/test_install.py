"""Installed from its wheel, in a folder that knows nothing of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, SUITES

pytestmark = [pytest.mark.install, pytest.mark.toolchain]

WHEEL_BYTES = 2 << 20
COMMAND_TIMEOUT_S = 600
OLDEST_PYTEST = "pytest==8.4.0"
FOREIGN_PLUGINS = ("pytest-xdist", "pytest-embedded", "pytest-randomly")
OTHER_PYTHONS = ("python3.12", "python3.13")


@dataclass(frozen=True)
class Installation:
    """A virtual environment with hil in it."""

    folder: Path

    def run(self, *command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment as its user would."""
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))
        }
        environment["PATH"] = f"{self.folder / 'bin'}:{environment['PATH']}"
        return subprocess.run(
            [self.folder / "bin" / command[0], *command[1:]],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
        )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git tracks, alone."""
    folder = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", folder, source)
    (path,) = folder.glob("*.whl")
    return path


def pip(python: str | Path, *arguments: str | Path) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S)
    assert done.returncode == 0, done.stderr


def runs(python: str) -> bool:
    """Whether an interpreter is there; pyenv leaves names on the path that lead nowhere."""
    if shutil.which(python) is None:
        return False
    return subprocess.run([python, "--version"], capture_output=True).returncode == 0


def install(python: str, folder: Path, *packages: str) -> Installation:
    subprocess.run([python, "-m", "venv", folder], check=True, timeout=COMMAND_TIMEOUT_S)
    pip(folder / "bin" / "python", "install", *packages)
    return Installation(folder)


@pytest.fixture(scope="module")
def newest(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With the newest pytest and plugins that many repositories have."""
    folder = tmp_path_factory.mktemp("newest") / "venv"
    yield install(sys.executable, folder, f"{wheel}[emulator]", *FOREIGN_PLUGINS)
    shutil.rmtree(folder)


def measure_their_model(installation: Installation, folder: Path) -> None:
    """The first steps of somebody with a model of their own."""
    shutil.copy(SUITES / "digits" / "models" / "digits_int8.tflite", folder / "their.tflite")
    started = installation.run("hil", "init", "--model", "their.tflite", cwd=folder)
    assert started.returncode == 0, started.stderr
    done = installation.run("pytest", "--hil-target", "stm32f746", "-v", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0/500" in done.stdout
    assert "4 passed, 1 skipped" in done.stdout
    hold_it(installation, folder)


def hold_it(installation: Installation, folder: Path) -> None:
    """Their second night: the history's migrations and the report's templates are in the wheel."""
    kept = installation.run("hil", "baseline", "set", "night", cwd=folder)
    assert kept.returncode == 0, kept.stderr
    night = ("--hil-target", "stm32f746", "--hil-baseline", "night", "--hil-html", "r.html")
    done = installation.run("pytest", *night, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vs night" in done.stdout
    assert "Content-Security-Policy" in (folder / "r.html").read_text()
    listed = installation.run("hil", "history", cwd=folder)
    assert listed.stdout.count("their") == 2


def test_the_wheel_is_small_and_serves_every_python(wheel: Path) -> None:
    assert wheel.stat().st_size <= WHEEL_BYTES
    assert "-py3-none-linux" in wheel.name


def test_a_model_is_measured_in_a_foreign_folder(newest: Installation, tmp_path: Path) -> None:
    measure_their_model(newest, tmp_path)


def test_a_foreign_repository_is_not_disturbed(newest: Installation, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef four(): return 4\n")
    (tmp_path / "data.py").write_text("raise RuntimeError('not yours')\n")
    (tmp_path / "suite.toml").write_text('[suite]\nowner = "somebody else"\n')
    (tmp_path / "test_theirs.py").write_text("def test_four(four): assert four == 4\n")
    for arguments in ((), ("-n", "2"), ("-p", "no:randomly"), ("--target", "esp32")):
        done = newest.run("pytest", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 passed" in done.stdout
        assert "/hil/" not in done.stdout  # no warning of ours


def test_whose_target_option_it_is_is_said(newest: Installation, tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text("def test(): pass\n")
    done = newest.run("pytest", "--target", "stm32f746", cwd=tmp_path)
    assert "--target belongs to another plugin here; to measure, give --hil-target" in done.stdout


def test_the_samples_come_with_it(newest: Installation, tmp_path: Path) -> None:
    started = newest.run("hil", "init", cwd=tmp_path)
    assert started.returncode == 0, started.stderr
    listed = newest.run("hil", "targets", cwd=tmp_path)
    assert "stm32f746" in listed.stdout
    assert "nucleo_f746zg" in listed.stdout


def test_the_oldest_pytest_will_do(wheel: Path, tmp_path: Path) -> None:
    installation = install(
        sys.executable, tmp_path / "venv", f"{wheel}[emulator]", OLDEST_PYTEST, "pytest-xdist"
    )
    folder = tmp_path / "theirs"
    folder.mkdir()
    measure_their_model(installation, folder)
    done = installation.run("pytest", "--target", "stm32f746", "-n", "2", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("python", OTHER_PYTHONS)
def test_other_pythons_will_do(python: str, wheel: Path, tmp_path: Path) -> None:
    if not runs(python):
        pytest.skip(f"{python} is not installed")
    measure_their_model(install(python, tmp_path / "venv", f"{wheel}[emulator]"), tmp_path)


def test_an_editable_installation_will_do(
    newest: Installation, source: Path, tmp_path: Path
) -> None:
    python = newest.folder / "bin" / "python"
    pip(python, "uninstall", "--yes", "tflm-hil")
    # pip leaves the compiled files of pytest's assertion rewriting, and with them a folder `hil`.
    for left in newest.folder.glob("lib/python*/site-packages/hil"):
        shutil.rmtree(left)
    pip(python, "install", "--no-deps", "--editable", source)
    measure_their_model(newest, tmp_path)
