"""Handwritten digits, 8 x 8 pixels, from scikit-learn's copy of the UCI test set."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

TEST_ITEMS = 450
SPLIT_SEED = 20
PIXEL_MAX = 16.0


def _split(*, test: bool) -> dict[str, Array]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(digits.images))
    chosen = order[:TEST_ITEMS] if test else order[TEST_ITEMS:]
    images = (digits.images[chosen] / PIXEL_MAX).astype(np.float32)
    return {"x": images[..., np.newaxis], "y": digits.target[chosen].astype(np.int64)}


def train_data() -> dict[str, Array]:
    """1,347 images to train on: `x` of N x 8 x 8 x 1 float32 in [0, 1], `y` of N labels."""
    return _split(test=False)


def test_data() -> dict[str, Array]:
    """450 images held out: `x` of N x 8 x 8 x 1 float32 in [0, 1], `y` of N labels."""
    return _split(test=True)
