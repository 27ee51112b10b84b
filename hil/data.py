"""Vectors: what a model is run on, checked against the model before anything is built."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hil.errors import DataError, did_you_mean
from hil.model.info import ModelInfo, TensorInfo

Array = npt.NDArray[np.generic]

NOT_AN_NPZ = (ValueError, AttributeError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)
LABELS = "y"
SEQUENCE = "sequence"
SINGLE_INPUT = "x"
INPUT_PREFIX = "x:"


class Inputs(Protocol):
    """What vectors are for: a model, or what is known of one before it is converted."""

    @property
    def input_tensors(self) -> tuple[TensorInfo, ...]:
        """Its inputs in order."""


@dataclass(frozen=True)
class Vectors:
    """Inputs in the model's dtypes, one array of N x input shape (its batch of 1 included) per
    input tensor, and labels of length N, or None.

    With `sequence_lengths` they are the steps of so many sequences, one after the other; labels may
    then be one per sequence instead. A model with state begins each sequence anew; without
    sequences it begins once, before the first vector.

    `source_sha256` is the digest of what they were made from, before it was fitted to the model:
    the same one for all schemes of a suite.
    """

    inputs: tuple[Array, ...]
    labels: Array | None
    source: str
    source_sha256: str | None = None
    sequence_lengths: tuple[int, ...] | None = None

    @property
    def count(self) -> int:
        """How many vectors there are: of sequences, steps."""
        return len(self.inputs[0])

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where a sequence begins: the vectors before which a model's state is reset."""
        lengths = self.sequence_lengths or (self.count,)
        return tuple(accumulate(lengths[:-1], initial=0))

    @property
    def most_steps(self) -> int:
        """The length of the longest sequence; without sequences all vectors are one."""
        return max(self.sequence_lengths or (self.count,))

    def start_of(self, index: int) -> int:
        """The first vector of the sequence that vector `index` belongs to."""
        return self.starts[bisect_right(self.starts, index) - 1]

    def name_of(self, index: int) -> str:
        """Vector `index` in words."""
        if self.sequence_lengths is None:
            return f"vector {index}"
        start = self.start_of(index)
        return f"vector {index} (sequence {self.starts.index(start)}, step {index - start})"

    @cached_property
    def sha256(self) -> str:
        """Digest of inputs, labels and sequences: two runs with the same one measured the same."""
        lengths = [] if self.sequence_lengths is None else [np.array(self.sequence_lengths)]
        labels = [] if self.labels is None else [self.labels]
        return _sha256([*self.inputs, *labels, *lengths])

    def only(self, index: int) -> Vectors:
        """Vector `index` alone; its label only if each vector has one."""
        one = slice(index, index + 1)
        has_own = self.labels is not None and len(self.labels) == self.count
        labels = self.labels[one] if self.labels is not None and has_own else None
        return Vectors(tuple(array[one] for array in self.inputs), labels, self.source)

    def input_bytes(self, index: int) -> list[bytes]:
        """Vector `index` as the bytes of each input tensor."""
        return [array[index].tobytes() for array in self.inputs]


def vectors_for(model: Inputs, arrays: Mapping[str, Array], source: str) -> Vectors:
    """`arrays` as vectors of `model`: `x`, or `x:NAME` per input, optionally `y` and `sequence`.

    Each input is N x its shape, with or without the batch of 1, in the model's dtype, or float to
    be quantized. `sequence` has the number of each step's sequence. Raises DataError that says what
    does not fit.
    """
    names = _array_names(model, arrays, source)
    inputs = tuple(
        _fit(arrays[name], tensor, f"{source}: {name}")
        for name, tensor in zip(names, model.input_tensors, strict=True)
    )
    counts = {len(array) for array in inputs}
    if len(counts) != 1:
        raise DataError(f"{source}: its inputs have {sorted(counts)} vectors")
    count = counts.pop()
    if count == 0:
        raise DataError(f"{source}: there are no vectors")
    lengths = None
    if SEQUENCE in arrays:
        lengths = _sequence_lengths(arrays[SEQUENCE], count, source)
    labels = arrays.get(LABELS)
    if labels is not None:
        _check_labels(labels, count, lengths, source)
    digest = _sha256([arrays[name] for name in sorted(arrays)])
    return Vectors(inputs, labels, source, digest, lengths)


def _sequence_lengths(numbers: Array, count: int, source: str) -> tuple[int, ...]:
    """How long each run of equal numbers is. Raises DataError."""
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or len(numbers) != count:
        raise DataError(
            f"{source}: '{SEQUENCE}' is {numbers.dtype} of shape {numbers.shape}, "
            f"not {count} integers",
            hint="give the number of its sequence for each step, as in [0, 0, 0, 1, 1, 1]",
        )
    starts = np.flatnonzero(np.diff(numbers)) + 1
    first_of_each = numbers[np.concatenate(([0], starts))]
    if len(np.unique(first_of_each)) != len(first_of_each):
        again = next(n for i, n in enumerate(first_of_each) if n in first_of_each[:i])
        raise DataError(
            f"{source}: the steps of sequence {again} do not stand together",
            hint="order the steps by sequence, and within one by time",
        )
    bounds = np.concatenate(([0], starts, [count]))
    return tuple(int(length) for length in np.diff(bounds))


def _check_labels(labels: Array, count: int, lengths: tuple[int, ...] | None, source: str) -> None:
    """Raises DataError when there is neither one for each vector nor one for each sequence."""
    if labels.ndim and len(labels) in (count, *(() if lengths is None else (len(lengths),))):
        return
    found = "a single value" if labels.ndim == 0 else f"{len(labels)}"
    of = "" if lengths is None else f" in {len(lengths)} sequences"
    raise DataError(f"{source}: {count} vectors{of}, but {found} labels in 'y'")


def _sha256(arrays: Sequence[Array]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def load_npz(model: Inputs, path: Path) -> Vectors:
    """The vectors in an .npz file. Raises DataError; pickled objects are refused."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except NOT_AN_NPZ as error:
        raise DataError(
            f"{path} is no usable .npz file: {error}", hint="write it with numpy.savez"
        ) from error
    return vectors_for(model, arrays, path.name)


def random_vectors(model: ModelInfo, count: int, seed: int) -> Vectors:
    """`count` seeded random vectors: integers over their whole range, floats in [-1, 1)."""
    generator = np.random.default_rng(seed)
    inputs = tuple(_random(tensor, count, generator) for tensor in model.input_tensors)
    return Vectors(inputs, None, f"{count} random vectors (seed {seed})")


def _random(tensor: TensorInfo, count: int, generator: np.random.Generator) -> Array:
    shape = (count, *tensor.shape)
    dtype = np.dtype(tensor.numpy_dtype or "float32")
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    return generator.uniform(-1, 1, shape).astype(dtype)


def _array_names(model: Inputs, arrays: Mapping[str, Array], source: str) -> list[str]:
    """The key of each input's array."""
    tensors = model.input_tensors
    wanted = [f"{INPUT_PREFIX}{tensor.name}" for tensor in tensors]
    if len(tensors) == 1 and SINGLE_INPUT in arrays:
        wanted = [SINGLE_INPUT]
    for name in wanted:
        if name not in arrays:
            hint = f"it holds: {', '.join(sorted(arrays)) or 'nothing'}"
            need = f"'{SINGLE_INPUT}'" if len(tensors) == 1 else f"'{name}'"
            raise DataError(f"{source}: array {need} is missing", hint=hint)
    for name in arrays:
        if name not in wanted and name not in (LABELS, SEQUENCE):
            known = [*wanted, LABELS, SEQUENCE]
            raise DataError(f"{source}: unknown array {name!r}", hint=did_you_mean(name, known))
    return wanted


def _fit(array: Array, tensor: TensorInfo, where: str) -> Array:
    """`array` as N x the tensor's shape in the tensor's dtype."""
    batched = (len(array), *tensor.shape) if array.ndim else ()
    plain = (len(array), *tensor.shape[1:]) if array.ndim else ()
    if array.shape == plain and tensor.shape[:1] == (1,):
        array = array.reshape(batched)
    if array.ndim == 0 or array.shape != batched:
        raise DataError(
            f"{where} has shape {array.shape}, not N x {_shape_text(tensor)}",
            hint="one row per vector, in the shape of the model's input",
        )
    dtype = np.dtype(tensor.numpy_dtype or "float32")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(f"{where} holds NaN or infinity")
    if array.dtype == dtype:
        return array
    if array.dtype.kind == "f" and dtype.kind == "f":
        return array.astype(dtype)
    if array.dtype.kind == "f" and tensor.scales:
        return quantize(array, tensor)
    raise DataError(
        f"{where} is {array.dtype}, the model's input {tensor.name!r} is {dtype}",
        hint=f"give {dtype}, or float32 to have it quantized" if tensor.scales else f"give {dtype}",
    )


def _shape_text(tensor: TensorInfo) -> str:
    shape = tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape
    return " x ".join(str(size) for size in shape) or "1"


def quantize(values: Array, tensor: TensorInfo) -> Array:
    """Real values in the tensor's integers: round half away from zero, then clip to its range."""
    dtype = np.dtype(tensor.numpy_dtype or "int8")
    limits = np.iinfo(dtype)
    scaled = values.astype(np.float64) / tensor.scales[0]
    rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)
    zero_point = tensor.zero_points[0] if tensor.zero_points else 0
    integers: Array = np.clip(rounded + zero_point, limits.min, limits.max).astype(dtype)
    return integers


def dequantize(values: Array, tensor: TensorInfo) -> npt.NDArray[np.float64]:
    """The real values that a tensor's elements stand for."""
    real: npt.NDArray[np.float64] = values.astype(np.float64)
    if tensor.scales:
        zero_point = tensor.zero_points[0] if tensor.zero_points else 0
        real = (real - zero_point) * tensor.scales[0]
    return real
