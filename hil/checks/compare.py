"""How far two sets of outputs are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hil.data import Array


@dataclass(frozen=True)
class Comparison:
    """Outputs of a device against a reference's, over all vectors and output tensors.

    `max_abs_error` is in the outputs' own unit: least significant bits of integers, values of
    floats. `worst_vector` is where it is, None when nothing differs.
    """

    elements: int
    differing_elements: int
    differing_vectors: int
    max_abs_error: float
    worst_vector: int | None

    @property
    def is_equal(self) -> bool:
        """Whether every element is the same."""
        return self.differing_elements == 0


def compare(found: Sequence[Array], expected: Sequence[Array]) -> Comparison:
    """Compares output tensors pairwise; each is N x shape. NaN equals NaN only."""
    elements = differing = 0
    count = len(found[0])
    differs = np.zeros(count, bool)
    errors = np.zeros(count)
    for ours, theirs in zip(found, expected, strict=True):
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            raise ValueError(
                f"{ours.dtype} {ours.shape} is compared with {theirs.dtype} {theirs.shape}"
            )
        rows, reference = ours.reshape(count, -1), theirs.reshape(count, -1)
        equal = np.equal(rows, reference) | (_is_nan(rows) & _is_nan(reference))
        elements += rows.size
        differing += int(np.count_nonzero(~equal))
        differs |= ~equal.all(axis=1)
        gap = np.abs(rows.astype(np.float64) - reference.astype(np.float64))
        gap[equal] = 0.0
        gap[np.isnan(gap)] = np.inf
        errors = np.maximum(errors, gap.max(axis=1, initial=0.0))
    return Comparison(
        elements=elements,
        differing_elements=differing,
        differing_vectors=int(np.count_nonzero(differs)),
        max_abs_error=float(errors.max(initial=0.0)),
        worst_vector=int(errors.argmax()) if differs.any() else None,
    )


def _is_nan(array: Array) -> npt.NDArray[np.bool_]:
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)
