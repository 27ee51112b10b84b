"""What a drawn model is fed: random values, its types' extremes, zeros."""

from __future__ import annotations

import numpy as np

from hil.model.info import NUMPY_DTYPES
from tests.models import Tensor
from tests.sweep.draft import Array, Drawn, Feed, element_range

VECTORS = 5
# Of each value in the vector of extremes.
EXTREME_SHARE = 0.4


def vectors(drawn: Drawn, rng: np.random.Generator) -> list[Array]:
    """For each input of the model an array of VECTORS x its shape."""
    return [
        np.stack([_values(drawn.model.tensors[i], feed, n, rng) for n in range(VECTORS)])
        for i, feed in zip(drawn.model.inputs, drawn.feeds, strict=True)
    ]


def _values(tensor: Tensor, feed: Feed, number: int, rng: np.random.Generator) -> Array:
    """Vectors 0 and 1 random, 2 with many extremes, 3 all at one end, 4 near zero."""
    low, high = element_range(tensor.type)
    low = low if feed.low is None else feed.low
    high = high if feed.high is None else feed.high
    dtype = np.dtype(NUMPY_DTYPES[tensor.type])
    shape = tuple(tensor.shape)
    values: Array
    if dtype.kind == "f":
        values = rng.uniform(low, high, shape)
    else:
        values = rng.integers(int(low), int(high), shape, endpoint=True)
    zero_point = tensor.zero_points[0] if tensor.zero_points else 0
    zero = min(max(zero_point, low), high)
    if number == 2:
        ends = rng.choice(np.array([low, high, zero], dtype=object), shape)
        values = np.where(rng.random(shape) < EXTREME_SHARE, ends, values)
    elif number == 3:
        values = np.full(shape, high if rng.random() < 0.5 else low, dtype=object)
    elif number == 4:
        values = np.full(shape, zero, dtype=object)
    result = np.asarray(values).astype(dtype)
    if feed.never_zero:
        result = np.where(result == 0, np.ones_like(result), result)
    return np.asarray(result, dtype).reshape(shape)
