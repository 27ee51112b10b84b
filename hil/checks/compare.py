"""How far two sets of outputs are apart, tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log10, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.checks.bounds import EXACT, Bound
from hil.checks.histogram import lsb_histogram, ulp_distances, ulp_histogram
from hil.comparison import HistogramBin, OutputsComparison, TensorComparison, WorstVector
from hil.data import Array
from hil.model.info import TensorInfo

WORST_VECTORS = 5

Real = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def compare(
    found: Sequence[Array],
    expected: Sequence[Array],
    tensors: Sequence[TensorInfo] | None = None,
    bounds: Sequence[Bound] | None = None,
) -> OutputsComparison:
    """Compares output tensors pairwise; each array is N x shape. NaN equals NaN only.

    `tensors` give names, scales and zero points, `bounds` what is still close (default: nothing
    but equality). Raises ValueError when shapes or dtypes differ.
    """
    count = len(found[0])
    infos: Sequence[TensorInfo | None] = tensors or [None] * len(found)
    pairs = [
        _Pair.of(ours, theirs, count, info, bound)
        for ours, theirs, info, bound in zip(
            found, expected, infos, bounds or [EXACT] * len(found), strict=True
        )
    ]
    differs = np.any([~pair.equal.all(axis=1) for pair in pairs], axis=0)
    return OutputsComparison(
        tensors=tuple(_compare(pair, index) for index, pair in enumerate(pairs)),
        differing_vectors=int(np.count_nonzero(differs)),
    )


@dataclass(frozen=True)
class _Pair:
    """One tensor of both sides as N x elements, and what follows from that.

    `error` is found - expected, 0 where equal and where not `finite`.
    """

    found: Array
    expected: Array
    equal: Flags
    finite: Flags
    error: Real
    tensor: TensorInfo | None
    bound: Bound

    @classmethod
    def of(
        cls, found: Array, expected: Array, count: int, tensor: TensorInfo | None, bound: Bound
    ) -> _Pair:
        if found.shape != expected.shape or found.dtype != expected.dtype:
            raise ValueError(
                f"{found.dtype} {found.shape} is compared with {expected.dtype} {expected.shape}"
            )
        ours, theirs = found.reshape(count, -1), expected.reshape(count, -1)
        equal = np.equal(ours, theirs) | (_is_nan(ours) & _is_nan(theirs))
        real, reference = ours.astype(np.float64), theirs.astype(np.float64)
        finite = np.isfinite(real) & np.isfinite(reference)
        error = np.subtract(real, reference, out=np.zeros_like(real), where=finite)
        return cls(ours, theirs, equal, finite, error, tensor, bound)

    @property
    def is_integer(self) -> bool:
        return self.found.dtype.kind in "iub"

    @property
    def broken(self) -> Flags:
        """Where no error can be given: NaN or infinite on one side, or unlike infinities."""
        return ~self.equal & ~self.finite

    @property
    def scale(self) -> float | None:
        """What one step of an integer stands for; None when the tensor has no scale."""
        if not self.is_integer:
            return 1.0
        return self.tensor.scales[0] if self.tensor is not None and self.tensor.scales else None

    @property
    def centred(self) -> tuple[Real, Real]:
        """Both sides, integers without their zero point."""
        points = self.tensor.zero_points if self.tensor is not None else ()
        zero = points[0] if points and self.is_integer else 0
        return self.found.astype(np.float64) - zero, self.expected.astype(np.float64) - zero


Figures = dict[str, float | int | str]  # a str is the reason why there is no figure


def _compare(pair: _Pair, index: int) -> TensorComparison:
    figures = _errors(pair) | _float_errors(pair) | _similarity(pair) | _flips(pair)
    known: dict[str, Any] = {k: v for k, v in figures.items() if not isinstance(v, str)}
    return TensorComparison(
        name=pair.tensor.name if pair.tensor is not None else f"output {index}",
        dtype=pair.found.dtype.name,
        elements=pair.found.size,
        differing_elements=int(np.count_nonzero(~pair.equal)),
        differing_vectors=int(np.count_nonzero(~pair.equal.all(axis=1))),
        non_finite_elements=int(np.count_nonzero(pair.broken)),
        bound_absolute=pair.bound.absolute,
        bound_relative=pair.bound.relative,
        beyond_bound_elements=int(np.count_nonzero(_beyond(pair))),
        histogram=_histogram(pair),
        worst=_worst(pair),
        absent={k: v for k, v in figures.items() if isinstance(v, str)},
        **known,
    )


def _errors(pair: _Pair) -> Figures:
    error = np.abs(pair.error)[pair.finite]
    largest, mean = float(error.max(initial=0.0)), float(error.mean()) if error.size else 0.0
    figures: Figures = {}
    if pair.is_integer:
        figures |= {"max_error_lsb": int(largest), "mean_error_lsb": mean}
    else:
        figures |= dict.fromkeys(("max_error_lsb", "mean_error_lsb"), "the output is not integer")
    if pair.scale is None:
        reason = "the output has no scale"
        return figures | dict.fromkeys(("max_error_real", "mean_error_real"), reason)
    return figures | {"max_error_real": largest * pair.scale, "mean_error_real": mean * pair.scale}


def _float_errors(pair: _Pair) -> Figures:
    if pair.found.dtype != np.float32:
        reason = f"the output is {pair.found.dtype.name}, not float32"
        return dict.fromkeys(("max_ulp", "max_relative_error"), reason)
    figures: Figures = {"max_ulp": int(_ulps(pair).max(initial=0))}
    comparable = pair.finite & (pair.expected != 0)
    if not comparable.any():
        return figures | {"max_relative_error": "the reference is 0 everywhere"}
    relative = np.abs(pair.error[comparable]) / np.abs(pair.expected[comparable].astype(np.float64))
    return figures | {"max_relative_error": float(relative.max())}


def _similarity(pair: _Pair) -> Figures:
    if not pair.finite.all():
        return dict.fromkeys(("sqnr_db", "cosine_similarity"), "an output is NaN or infinite")
    found, expected = pair.centred
    signal, noise = float(np.sum(expected**2)), float(np.sum(pair.error**2))
    figures: Figures = {}
    if noise == 0:
        figures["sqnr_db"] = "the outputs are equal"
    elif signal == 0:
        figures["sqnr_db"] = "the reference is 0 everywhere"
    else:
        figures["sqnr_db"] = 10 * (log10(signal) - log10(noise))
    length = sqrt(signal) * sqrt(float(np.sum(found**2)))
    if length == 0 or not isfinite(length):
        figures["cosine_similarity"] = "one side is 0 everywhere, or too large to square"
    else:
        cosine = float(np.sum(found * expected)) / length
        figures["cosine_similarity"] = min(1.0, max(-1.0, cosine))
    return figures


def _flips(pair: _Pair) -> Figures:
    """Vectors whose highest element is another one; the first of equals, as top1 has it."""
    if pair.found.shape[1] < 2:
        return {"argmax_flips": "the output has a single element"}
    flips = pair.found.argmax(axis=1) != pair.expected.argmax(axis=1)
    return {"argmax_flips": int(np.count_nonzero(flips))}


def _histogram(pair: _Pair) -> tuple[HistogramBin, ...]:
    if pair.is_integer:
        return lsb_histogram(pair.error.astype(np.int64))
    return ulp_histogram(_ulps(pair)) if pair.found.dtype == np.float32 else ()


def _ulps(pair: _Pair) -> npt.NDArray[np.int64]:
    """Of the finite elements."""
    found, expected = (side[pair.finite].astype(np.float32) for side in (pair.found, pair.expected))
    return ulp_distances(found, expected)


def _beyond(pair: _Pair) -> Flags:
    """Which elements are further away than the bound allows."""
    magnitude = np.abs(pair.expected.astype(np.float64))
    magnitude[~np.isfinite(magnitude)] = 0.0
    largest = magnitude.max(axis=1, initial=0.0, keepdims=True)
    # An output near 0 by chance was computed from numbers as large as those of other vectors.
    scale = np.maximum(largest, np.median(largest))
    allowed = np.maximum(pair.bound.absolute, pair.bound.relative * scale)
    return np.asarray((np.abs(pair.error) > allowed) | pair.broken)


def _worst(pair: _Pair) -> tuple[WorstVector, ...]:
    """The vectors with the largest errors, largest first, none that is equal."""
    errors = np.abs(pair.error)
    errors[pair.broken] = np.inf
    by_vector = errors.max(axis=1, initial=0.0)
    order = np.argsort(-by_vector, kind="stable")[:WORST_VECTORS]
    return tuple(
        _worst_vector(pair, int(index), int(errors[index].argmax()))
        for index in order
        if by_vector[index] > 0
    )


def _worst_vector(pair: _Pair, index: int, element: int) -> WorstVector:
    broken = bool(pair.broken[index, element])
    return WorstVector(
        index=index,
        element=element,
        found=_finite_or_none(pair.found[index, element]),
        expected=_finite_or_none(pair.expected[index, element]),
        max_abs_error=None if broken else abs(float(pair.error[index, element])),
    )


def _finite_or_none(value: np.generic) -> float | None:
    number = float(value)
    return number if isfinite(number) else None


def _is_nan(array: Array) -> Flags:
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)
