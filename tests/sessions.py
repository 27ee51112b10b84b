"""pytest sessions on a small suite, as a user starts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import models

# Hypothesis' plugin takes most of a second to start, and no suite here uses it.
LEAN = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
DATA = """\
import numpy as np
def test_data():
    x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    return {"x": x, "y": np.array([0, 1, 2, 0, 1, 2])}
"""
SUITE = (
    '[hil]\nschema = 1\nname = "small"\n[metric]\nname = "top1"\n[[model]]\nfile = "dense.tflite"\n'
)


def make_suite(folder: Path) -> Path:
    """A suite of one small model, in `folder`."""
    folder.mkdir()
    (folder / "suite.toml").write_text(SUITE)
    (folder / "data.py").write_text(DATA)
    (folder / "dense.tflite").write_bytes(models.dense_float())
    return folder


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """pytest as a user calls it."""
    return pytester.runpytest_subprocess(*LEAN, *arguments, timeout=120)
