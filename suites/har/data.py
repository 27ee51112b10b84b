"""Smart-watch recordings of seven shoulder exercises, cut into windows of two seconds.

The recordings come with the `seglearn` package (Burns et al., arXiv:1802.01489): accelerometer in g
and gyroscope in rad/s at 50 Hz, 10 subjects. Subjects 8 to 10 are held out for testing.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

WINDOW_SAMPLES = 100
TRAIN_STEP_SAMPLES = 50
# What the streaming model is given at a time: five of them are a window.
STEP_SAMPLES = 20
TEST_SUBJECTS = (8, 9, 10)
CLASSES = ("PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW")
# Typical size of each signal over the training subjects: brings all six to the same range.
SIGNAL_SCALES = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0], np.float32)


def _recordings() -> dict[str, Any]:
    # The file alone, without importing the package: that would load scikit-learn and scipy.
    spec = find_spec("seglearn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("seglearn, which holds the recordings, is not installed")
    path = Path(spec.origin).parent / "data" / "watch_dataset.npy"
    recordings: dict[str, Any] = np.load(path, allow_pickle=True, encoding="latin1").item()
    return recordings


def _windows(step_samples: int, *, test: bool) -> dict[str, Array]:
    recordings = _recordings()
    windows, labels = [], []
    for signals, label, subject in zip(
        recordings["X"], recordings["y"], recordings["subject"], strict=True
    ):
        if (int(subject) in TEST_SUBJECTS) != test:
            continue
        for start in range(0, len(signals) - WINDOW_SAMPLES + 1, step_samples):
            windows.append(signals[start : start + WINDOW_SAMPLES] / SIGNAL_SCALES)
            labels.append(int(label))
    x = np.array(windows, np.float32).reshape(-1, WINDOW_SAMPLES, 1, len(SIGNAL_SCALES))
    return {"x": x, "y": np.array(labels, np.int64)}


def train_data() -> dict[str, Array]:
    """Overlapping windows of subjects 1 to 7: `x` of N x 100 x 1 x 6 float32, `y` of N labels."""
    return _windows(TRAIN_STEP_SAMPLES, test=False)


def test_data() -> dict[str, Array]:
    """All windows of subjects 8 to 10, without overlap: `x` of N x 100 x 1 x 6, `y` of N labels."""
    return _windows(WINDOW_SAMPLES, test=True)


def steps_of(windows: Array) -> Array:
    """Windows (N x 100 x 1 x 6) cut into the streaming model's steps: 5 N x 20 x 1 x 6."""
    return windows.reshape(-1, STEP_SAMPLES, *windows.shape[2:])


def all_test_steps() -> dict[str, Array]:
    """The windows of `test_data` in steps, each window a sequence: `x` of 5 N x 20 x 1 x 6, `y` of
    N labels, one for each sequence.
    """
    windows = test_data()
    return _in_steps(windows["x"], windows["y"])


def test_steps() -> dict[str, Array]:
    """As `all_test_steps`, of every third window: a window takes five inferences."""
    windows = test_data()
    return _in_steps(windows["x"][::3], windows["y"][::3])


def _in_steps(x: Array, y: Array) -> dict[str, Array]:
    sequences = np.repeat(np.arange(len(x)), WINDOW_SAMPLES // STEP_SAMPLES)
    return {"x": steps_of(x), "y": y, "sequence": sequences}
