"""What the suites' scripts share: repeatable training, their models, and a record of the making."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.data import Inputs, Vectors, vectors_for
from hil.model.convert import NEEDS_CALIBRATION, Converter
from hil.model.convert_keras import from_keras
from hil.vocab import Scheme

Array = npt.NDArray[Any]

RECORDED_PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "seglearn", "scikit-learn")
CALIBRATION_VECTORS = 200
PROVENANCE_FILE = "provenance.json"
FROM_KERAS = (Scheme.FLOAT32, Scheme.INT8)
FROM_FLOAT32 = (Scheme.INT16X8, Scheme.DYNAMIC, Scheme.FLOAT16, Scheme.WEIGHT_ONLY)


def make_repeatable(seed: int) -> None:
    """Seeds Python, numpy and TensorFlow and makes its operators deterministic."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def write_models(
    folder: Path, name: str, model: Any, train: Mapping[str, Array], facts: Mapping[str, object]
) -> None:
    """Writes `NAME_SCHEME.tflite` of all six schemes and `provenance.json` to `folder`.

    `train` holds `x` and `y`; some of its vectors calibrate the integer ranges.
    """
    folder.mkdir(exist_ok=True)
    hashes = {}
    for scheme in FROM_KERAS:
        path = _path(folder, name, scheme)
        path.write_bytes(from_keras(model, scheme, calibration_of(train)))
        hashes[path.name] = _digest(path)
    record = {
        "made_by": f"suites/{folder.parent.name}/train.py",
        "tools": _versions(),
        "training_data_sha256": hashlib.sha256(
            train["x"].tobytes() + train["y"].tobytes()
        ).hexdigest(),
        "models_sha256": hashes,
        **facts,
    }
    _write_record(folder, record)
    write_conversions(folder, name, train)


def write_conversions(folder: Path, name: str, train: Mapping[str, Array]) -> None:
    """Writes the schemes that are made from `NAME_float32.tflite`, and notes them in
    `provenance.json`. Needs no TensorFlow.
    """
    source = _path(folder, name, Scheme.FLOAT32)
    hashes, tools = {}, {}
    with Converter() as converter:
        for scheme in FROM_FLOAT32:
            needed = scheme in NEEDS_CALIBRATION
            done = converter.convert(source, scheme, _Calibration(train) if needed else None)
            path = _path(folder, name, scheme)
            path.write_bytes(done.model.content)
            hashes[path.name] = _digest(path)
            tools = done.provenance.tools
    record = json.loads((folder / PROVENANCE_FILE).read_text())
    record["converted"] = {
        "made_by": f"suites/{folder.parent.name}/convert.py",
        "source": source.name,
        "tools": tools,
        "models_sha256": hashes,
    }
    _write_record(folder, record)


def write_model_apart(
    folder: Path, name: str, content: bytes, section: str, facts: Mapping[str, object]
) -> None:
    """Writes `NAME.tflite`, which is no scheme of the suite's model, and notes it in a `section` of
    `provenance.json`.
    """
    path = folder / f"{name}.tflite"
    path.write_bytes(content)
    record = json.loads((folder / PROVENANCE_FILE).read_text())
    record[section] = {
        "made_by": f"suites/{folder.parent.name}/train.py",
        "tools": _versions(),
        "models_sha256": {path.name: _digest(path)},
        **facts,
    }
    _write_record(folder, record)


class _Calibration:
    """The vectors that set integer ranges, as the model takes them."""

    def __init__(self, train: Mapping[str, Array]) -> None:
        self._inputs = calibration_of(train)

    def __call__(self, model: Inputs) -> Vectors:
        return vectors_for(model, {"x": self._inputs}, "training data")


def calibration_of(train: Mapping[str, Array]) -> Array:
    """The same few training vectors each time, float32, in the order of the data."""
    order = np.random.default_rng(0).permutation(len(train["x"]))[:CALIBRATION_VECTORS]
    chosen: Array = train["x"][np.sort(order)].astype(np.float32)
    return chosen


def _path(folder: Path, name: str, scheme: Scheme) -> Path:
    return folder / f"{name}_{scheme.value}.tflite"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_record(folder: Path, record: Mapping[str, object]) -> None:
    (folder / PROVENANCE_FILE).write_text(json.dumps(record, indent=2) + "\n")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
