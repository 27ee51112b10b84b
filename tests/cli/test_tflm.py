"""`hil tflm ...` as users meet it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from hil.tflm.marks import MAKEFILE
from tests.cli.test_cli import hil, refused
from tests.tflm.stub_trees import BY_NAME, DOWNLOADS


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A stub of a checkout, committed."""
    root = BY_NAME["2025"].write(tmp_path / "tflite-micro")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b.invalid"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    return root


def test_inspect_tells_marks_commit_libraries_and_operators(checkout: Path) -> None:
    sha = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    done = hil("tflm", "inspect", checkout, "--operators")
    assert done.returncode == 0
    for said in (
        "checkout, .cc files",
        "TFLMRegistration; DebugLog takes format and va_list",
        f"commit      {sha[:12]} of 20",
        "kernels     cmsis_nn, reference",
        "operators   2",
        "CONV_2D, FULLY_CONNECTED",
    ):
        assert said in done.stdout


def test_a_copy_inside_another_repository_has_no_commit(checkout: Path) -> None:
    inner = BY_NAME["2026"].write(checkout / "vendor" / "deep" / "tflm")
    assert "commit      unknown" in hil("tflm", "inspect", inner).stdout


def test_inspect_of_an_incomplete_checkout_names_the_command_and_exits_with_2(
    checkout: Path,
) -> None:
    shutil.rmtree(checkout / DOWNLOADS)
    done = hil("tflm", "inspect", checkout)
    assert done.returncode == 2
    for name in ("flatbuffers", "gemmlowp", "ruy", "kissfft"):
        assert f"{DOWNLOADS} lacks {name}/" in done.stdout
    assert f"run in the checkout: make -f {MAKEFILE} third_party_downloads" in done.stdout
    refused(hil("tflm", "selftest", checkout), "cannot be built")


def test_inspect_as_json(checkout: Path) -> None:
    document = json.loads(hil("tflm", "inspect", checkout, "--json").stdout)
    assert document["operators"] == ["CONV_2D", "FULLY_CONNECTED"]
    assert document["libraries"] == ["cmsis_nn", "reference"]
    assert document["problems"] == []
    assert len(document["commit"]["sha"]) == 40


def test_what_is_no_tree_is_refused(tmp_path: Path) -> None:
    refused(hil("tflm", "inspect", tmp_path), "holds no TFLM")
    refused(hil("tflm", "inspect", tmp_path / "none"), "there is no folder")
    refused(hil("tflm", "fetch", "2023"), "there is no pinned TFLM '2023'")


def test_fetch_says_what_is_there() -> None:
    assert hil("tflm", "fetch", "2024").stdout == "TFLM 2024: pico-tflmicro-sys 0.1.0\n"
