from __future__ import annotations

import hashlib
import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from hil.model.convert import NEEDS_CALIBRATION
from hil.model.training import FROM_FLOAT32, FROM_KERAS, write_conversions
from hil.vocab import CONVERSIONS
from tests.conftest import SUITES
from tests.extras import needs_quantizer

TRAIN: dict[str, npt.NDArray[Any]] = {
    "x": np.random.default_rng(5).random((300, 8, 8, 1), np.float32),
    "y": np.zeros(300, np.int64),
}


def record_of(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "provenance.json").read_text())
    return record


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "digits" / "models"
    shutil.copytree(SUITES / "digits" / "models", folder)
    return folder


def test_every_scheme_is_made_once() -> None:
    assert sorted((*FROM_KERAS, *FROM_FLOAT32)) == sorted(CONVERSIONS)


@pytest.mark.parametrize("suite", ["har", "digits"])
def test_committed_models_are_those_of_their_provenance(suite: str) -> None:
    folder = SUITES / suite / "models"
    record = record_of(folder)
    apart = record.get("streaming", {"models_sha256": {}})["models_sha256"]
    named = record["models_sha256"] | record["converted"]["models_sha256"] | apart
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.tflite")
    }
    assert found == named
    assert len(found) == len(CONVERSIONS) + len(apart)
    assert bool(apart) == (suite == "har")


@needs_quantizer
def test_converting_again_gives_the_committed_bytes(copied: Path) -> None:
    """But for ranges: their floats may end otherwise on another processor."""
    before = record_of(copied)["converted"]
    for package, recorded in before["tools"].items():
        if version(package) != recorded:
            pytest.skip(f"the committed models were made by {package} {recorded}")
    write_conversions(copied, "digits", TRAIN)
    after = record_of(copied)["converted"]["models_sha256"]
    for scheme in FROM_FLOAT32:
        name = f"digits_{scheme.value}.tflite"
        same = after[name] == before["models_sha256"][name]
        assert same is (scheme not in NEEDS_CALIBRATION)


@needs_quantizer
def test_converting_leaves_what_training_wrote(copied: Path) -> None:
    before = record_of(copied)
    write_conversions(copied, "digits", TRAIN)
    after = record_of(copied)
    assert before.pop("converted").keys() == after.pop("converted").keys()
    assert after == before
    for scheme in FROM_KERAS:
        path = copied / f"digits_{scheme.value}.tflite"
        assert path.read_bytes() == (SUITES / "digits" / "models" / path.name).read_bytes()
