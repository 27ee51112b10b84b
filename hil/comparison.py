"""What the comparison of outputs with a reference's gave, as it stands in a run's record."""

from __future__ import annotations

from math import inf

from hil.frozen import Record


class HistogramBin(Record):
    """How many elements have an error from `low` to `high`, both included; None: no end."""

    low: int | None
    high: int | None
    count: int


class WorstVector(Record):
    """The largest error of a vector, in the tensor's own unit, and the element that has it.

    What is NaN or infinite is None.
    """

    index: int
    element: int
    found: float | None
    expected: float | None
    max_abs_error: float | None

    def rank(self) -> float:
        """To sort by: not finite is worst."""
        return inf if self.max_abs_error is None else self.max_abs_error


class TensorComparison(Record):
    """One output tensor of the device against a reference's, over all vectors.

    Errors are over the finite elements, a unit in the name; `_real` is what the model's numbers
    stand for: the value of floats, LSB x scale of quantized integers. An element counts as beyond
    the bound when its error is above max(`bound_absolute`, `bound_relative` x M), the first in the
    tensor's own unit; M is that of hil.checks.bounds.Bound. None: see `absent`.
    """

    name: str
    dtype: str
    elements: int
    differing_elements: int
    differing_vectors: int
    non_finite_elements: int
    bound_absolute: float
    bound_relative: float
    beyond_bound_elements: int
    max_error_lsb: int | None = None
    mean_error_lsb: float | None = None
    max_error_real: float | None = None
    mean_error_real: float | None = None
    max_ulp: int | None = None
    max_relative_error: float | None = None
    sqnr_db: float | None = None
    cosine_similarity: float | None = None
    argmax_flips: int | None = None
    histogram: tuple[HistogramBin, ...] = ()
    worst: tuple[WorstVector, ...] = ()
    absent: dict[str, str] = {}

    @property
    def max_abs_error(self) -> float | None:
        """In the tensor's own unit: LSB of integers, values of floats. None: not finite."""
        if self.non_finite_elements:
            return None
        return self.max_error_real if self.max_error_lsb is None else float(self.max_error_lsb)


class OutputsComparison(Record):
    """All output tensors against a reference's."""

    tensors: tuple[TensorComparison, ...]
    differing_vectors: int

    @property
    def elements(self) -> int:
        """How many were compared."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def differing_elements(self) -> int:
        """How many are not the same."""
        return sum(tensor.differing_elements for tensor in self.tensors)

    @property
    def beyond_bound_elements(self) -> int:
        """How many are further away than their tensor's bound allows."""
        return sum(tensor.beyond_bound_elements for tensor in self.tensors)

    @property
    def is_equal(self) -> bool:
        """Whether every element is the same."""
        return self.differing_elements == 0

    @property
    def max_abs_error(self) -> float | None:
        """The largest of the tensors'; None when one is not finite."""
        errors = [tensor.max_abs_error for tensor in self.tensors]
        return None if None in errors else max((e for e in errors if e is not None), default=0.0)

    @property
    def max_error_lsb(self) -> int | None:
        """The largest of the integer outputs'; None when there are none."""
        errors = [t.max_error_lsb for t in self.tensors if t.max_error_lsb is not None]
        return max(errors, default=None)

    @property
    def max_error_real(self) -> float | None:
        """The largest of the outputs that have a scale; None when there are none."""
        errors = [t.max_error_real for t in self.tensors if t.max_error_real is not None]
        return max(errors, default=None)

    @property
    def argmax_flips(self) -> int | None:
        """Summed over the outputs that have such; None when there are none."""
        flips = [t.argmax_flips for t in self.tensors if t.argmax_flips is not None]
        return sum(flips) if flips else None

    @property
    def worst_vector(self) -> int | None:
        """Index of the vector with the largest error, None when nothing differs."""
        worst = [tensor.worst[0] for tensor in self.tensors if tensor.worst]
        return max(worst, key=WorstVector.rank).index if worst else None


class Comparison(OutputsComparison):
    """The device's outputs against those of one reference, and that reference's own figures."""

    label: str
    accuracy: float | None
    host_latency_median_us: float
