"""What each scheme of the suites' models costs and gives on the host, and what making it takes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks import rig
from benchmarks.figure import Figure, seconds
from hil.data import Inputs, Vectors, dequantize, random_vectors, vectors_for
from hil.errors import ReferenceFailure
from hil.model.convert import NEEDS_CALIBRATION, Converter
from hil.model.info import ModelInfo
from hil.reference.reference import ChildReference, Reference, ReferenceName
from hil.suite_data import SuiteData
from hil.vocab import CONVERSIONS, Scheme

SUITES = ("har", "digits")
CONVERSION_LIMIT_S = 2.0
SESSION_LIMIT_S = 90.0
SESSION_TIMEOUT_S = 600.0
KERAS_UNITS = 32
CALIBRATION_VECTORS = 200
# The tree, built for this host, is no child process and needs the operators on the board too.
IN_CHILDREN = [name for name in ReferenceName if name is not ReferenceName.TFLM_TREE]


def figures() -> Iterator[Figure]:
    """Conversion time from the float32 file, bytes, and right answers by host interpreter."""
    references = {name: ChildReference(name) for name in IN_CHILDREN}
    for suite in SUITES:
        data = SuiteData(rig.SUITES / suite / "data.py", "test_data")
        for scheme in CONVERSIONS:
            name = f"{suite}_{scheme.value}"
            model = rig.model(name)
            yield Figure(
                f"{name}, conversion", "s", [_conversion_s(suite, scheme)], CONVERSION_LIMIT_S
            )
            yield Figure(f"{name}, size", "bytes", [model.file_bytes])
            vectors = data.vectors(model)
            for reference, interpreter in references.items():
                right = _right_answers(interpreter, model, vectors)
                if right is not None:
                    what = f"{name}, right of {vectors.count} on host {reference.value}"
                    yield Figure(what, "", [right])
    for interpreter in references.values():
        interpreter.close()
    yield from _keras_figures()
    _session()  # images and libraries are in the cache after that
    times = seconds(_session, 1)
    yield Figure("all six schemes of both suites, warm", "s", times, at_most=SESSION_LIMIT_S)


def _session() -> None:
    """What a user runs. Raises CalledProcessError when anything fails."""
    folders = [str(rig.SUITES / suite) for suite in SUITES]
    command = [sys.executable, "-m", "pytest", "-q", "--target", rig.target().name]
    subprocess.run(
        [*command, "--hil-compare-schemes", *folders],
        cwd=rig.SUITES.parent,
        check=True,
        capture_output=True,
        timeout=SESSION_TIMEOUT_S,
    )


def _keras_figures() -> Iterator[Figure]:
    """Conversions from a Keras file, where TensorFlow is installed."""
    if find_spec("tensorflow") is None:
        return
    import keras

    with tempfile.TemporaryDirectory() as folder, Converter() as converter:
        source = Path(folder) / "dense.keras"
        layers = [keras.Input((KERAS_UNITS,)), keras.layers.Dense(KERAS_UNITS)]
        keras.Sequential(layers).save(source)
        for scheme in CONVERSIONS:
            calibration = _keras_calibration if scheme in NEEDS_CALIBRATION else None
            taken = converter.convert(source, scheme, calibration).seconds
            yield Figure(f"Keras to {scheme.value}", "s", [taken])


def _keras_calibration(inputs: Inputs) -> Vectors:
    rows = np.random.default_rng(1).random((CALIBRATION_VECTORS, KERAS_UNITS), np.float32)
    return vectors_for(inputs, {"x": rows}, "random")


def _conversion_s(suite: str, scheme: Scheme) -> float:
    source = rig.SUITES / suite / "models" / f"{suite}_float32.tflite"
    calibration = partial(_calibration, suite) if scheme in NEEDS_CALIBRATION else None
    with Converter() as converter:
        return converter.convert(source, scheme, calibration).seconds


def _calibration(suite: str, _: Inputs) -> Vectors:
    return random_vectors(rig.model(f"{suite}_float32"), CALIBRATION_VECTORS, 1)


def _right_answers(reference: Reference, model: ModelInfo, vectors: Vectors) -> int | None:
    """How many labels are met; None when the interpreter has no kernels for the scheme."""
    try:
        outputs = reference.run(model, vectors.inputs).outputs[0]
    except ReferenceFailure:
        return None
    scores = dequantize(outputs, model.output_tensors[0]).reshape(vectors.count, -1)
    return int(np.sum(scores.argmax(axis=1) == vectors.labels))
