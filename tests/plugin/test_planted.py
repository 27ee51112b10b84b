"""Regressions planted end to end on the emulated board: each is found, with what is behind it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hil.firmware.cache import CACHE_VARIABLE, Cache
from hil.gate.baseline import Baseline, entries_of, save_baseline
from hil.report.json_report import read_json
from hil.tflm.generation import MICRO
from hil.tflm.source import SOURCE_SUFFIXES, TflmSource
from tests import models
from tests.conftest import SUITES
from tests.sessions import LEAN

pytestmark = [pytest.mark.slow, pytest.mark.emulated, pytest.mark.toolchain]

EXACT = "latency.median:0,latency.min:0,arena.used:0,flash.total:0,accuracy:0,outputs.max_lsb:0"
DATA = """\
import numpy as np
def test_data():
    x = np.random.default_rng(0).normal(size=(8, 64)).astype(np.float32)
    return {"x": x, "y": np.arange(8)}
"""
SUITE = '[hil]\nschema = 1\nname = "{0}"\n[metric]\nname = "top1"\n[[model]]\nfile = "{0}.tflite"\n'
REBUILDS = 10


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    command = (*LEAN, "--target", "stm32f746", *arguments)
    return pytester.runpytest_subprocess(*command, timeout=600)


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """Two suites of one model each, a convolutional one and a dense one, with their baseline."""
    convolutional, dense = pytester.path / "conv", pytester.path / "dense"
    shutil.copytree(SUITES / "digits", convolutional, ignore=shutil.ignore_patterns("test_*.py"))
    (convolutional / "suite.toml").write_text(
        SUITE.format("conv").replace("conv.tflite", "models/digits_int8.tflite")
    )
    dense.mkdir()
    (dense / "suite.toml").write_text(SUITE.format("dense"))
    (dense / "data.py").write_text(DATA)
    (dense / "dense.tflite").write_bytes(models.two_dense(16))
    keep_baseline(pytester)
    return pytester.path


def keep_baseline(pytester: pytest.Pytester, *arguments: str) -> None:
    """Measures both suites, and keeps that as baseline b."""
    run(pytester, "--hil-json", "first.json", *arguments).assert_outcomes(passed=10)
    entries = entries_of(read_json(pytester.path / "first.json"))
    save_baseline(pytester.path / "reports/baselines", Baseline("b").updated(entries))


def failures(pytester: pytest.Pytester, *arguments: str) -> dict[str, list[dict[str, Any]]]:
    """What the gate says of the run: by model and quantity, the failed answers."""
    gate = ("--hil-baseline", "b", "--hil-gate", EXACT, "--hil-json", "now.json")
    result = run(pytester, *gate, *arguments)
    assert result.ret in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in json.loads((pytester.path / "now.json").read_text())["runs"]:
        for check in entry["checks"].values():
            for answer in check["gate"]:
                assert answer["outcome"] in ("pass", "fail")
                if answer["outcome"] == "fail":
                    found.setdefault(f"{entry['model']} {answer['metric']}", []).append(answer)
    return found


def test_another_kernel_library_is_found(pytester: pytest.Pytester, project: Path) -> None:
    found = failures(pytester, "--hil-kernels", "reference")
    (answer,) = found["digits_int8 latency.median"]
    assert answer["causes"][0] == "kernels: cmsis_nn -> reference"
    assert any("slower: operator" in cause for cause in answer["causes"])


def test_another_optimization_is_found(pytester: pytest.Pytester, project: Path) -> None:
    found = failures(pytester, "--hil-optimization", "Os")
    for model in ("digits_int8", "dense"):
        (answer,) = found[f"{model} latency.median"]
        assert answer["causes"][0] == "flags: -O2 -> -Os"
    slower = [c for c in found["digits_int8 latency.median"][0]["causes"] if "slower" in c]
    assert "CONV_2D" in slower[0]


def test_a_wider_layer_is_found(pytester: pytest.Pytester, project: Path) -> None:
    (project / "dense" / "dense.tflite").write_bytes(models.two_dense(24))
    found = failures(pytester)
    assert not any(name.startswith("digits_int8") for name in found)
    for quantity in ("latency.median", "arena.used", "flash.total"):
        (answer,) = found[f"dense {quantity}"]
        assert answer["causes"][0].startswith("model: ")
        assert (
            "operator 0 FULLY_CONNECTED: output 1x16 -> 1x24, weights 4,160 -> 6,240 bytes"
            in answer["causes"]
        )


def test_another_alignment_of_the_arena_is_found(
    pytester: pytest.Pytester, project: Path, tflm_2020: TflmSource
) -> None:
    keep_baseline(pytester, "--hil-tflm", "2020")
    tree = project / "tflm"
    for path in tflm_2020.root.rglob("*"):
        if path.suffix in SOURCE_SUFFIXES and path.is_file():
            copy = tree / path.relative_to(tflm_2020.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    allocator = tree / MICRO / "micro_allocator.cc"
    text = allocator.read_text()
    assert "constexpr int kBufferAlignment = 16;" in text
    allocator.write_text(text.replace("kBufferAlignment = 16;", "kBufferAlignment = 64;"))
    found = failures(pytester, "--hil-tflm", str(tree), "--hil-accept", "tflm")
    for model in ("digits_int8", "dense"):
        (answer,) = found[f"{model} arena.used"]
        assert answer["causes"][0].startswith("TFLM source: 2020, tfmicro 0.1.0, ")
        assert "folder tflm" in answer["causes"][0]
        assert any(cause.startswith("larger: ") for cause in answer["causes"])


def test_an_unchanged_rebuild_passes_every_time(
    pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = project / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(private))
    assert failures(pytester) == {}  # everything built from nothing, the library too
    for _ in range(REBUILDS - 1):
        for kind in ("image", "harness"):
            shutil.rmtree(Cache().root / kind)
        assert failures(pytester) == {}
