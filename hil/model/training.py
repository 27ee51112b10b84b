"""What the suites' training scripts share: repeatable training, and a record of how it was done."""

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

from hil.model.convert import from_keras
from hil.vocab import Scheme

RECORDED_PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "seglearn", "scikit-learn")
CALIBRATION_VECTORS = 200


def make_repeatable(seed: int) -> None:
    """Seeds Python, numpy and TensorFlow and makes its operators deterministic."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def write_models(
    folder: Path,
    name: str,
    model: Any,
    train: Mapping[str, npt.NDArray[Any]],
    facts: Mapping[str, object],
) -> None:
    """Writes `NAME_float32.tflite` and `NAME_int8.tflite` and `provenance.json` to `folder`.

    `train` holds `x` and `y`; its first vectors calibrate the integer ranges, in a seeded order.
    """
    order = np.random.default_rng(0).permutation(len(train["x"]))[:CALIBRATION_VECTORS]
    calibration = train["x"][np.sort(order)].astype(np.float32)
    folder.mkdir(exist_ok=True)
    hashes = {}
    for scheme in (Scheme.FLOAT32, Scheme.INT8):
        content = from_keras(model, scheme, calibration)
        path = folder / f"{name}_{scheme.value}.tflite"
        path.write_bytes(content)
        hashes[path.name] = hashlib.sha256(content).hexdigest()
    record = {
        "made_by": f"suites/{folder.parent.name}/train.py",
        "tools": _versions(),
        "training_data_sha256": hashlib.sha256(
            train["x"].tobytes() + train["y"].tobytes()
        ).hexdigest(),
        "models_sha256": hashes,
        **facts,
    }
    (folder / "provenance.json").write_text(json.dumps(record, indent=2) + "\n")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
