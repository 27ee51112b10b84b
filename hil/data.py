"""Vectors: what a model is run on, checked against the model before anything is built."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hil.errors import DataError, did_you_mean
from hil.model.info import ModelInfo, TensorInfo

Array = npt.NDArray[np.generic]

NOT_AN_NPZ = (ValueError, AttributeError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)
LABELS = "y"
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

    `source_sha256` is the digest of what they were made from, before it was fitted to the model:
    the same one for all schemes of a suite.
    """

    inputs: tuple[Array, ...]
    labels: Array | None
    source: str
    source_sha256: str | None = None

    @property
    def count(self) -> int:
        """How many vectors there are."""
        return len(self.inputs[0])

    @cached_property
    def sha256(self) -> str:
        """Digest of inputs and labels: two runs with the same one measured the same thing."""
        return _sha256([*self.inputs, *([] if self.labels is None else [self.labels])])

    def only(self, index: int) -> Vectors:
        """Vector `index` alone."""
        one = slice(index, index + 1)
        labels = None if self.labels is None else self.labels[one]
        return Vectors(tuple(array[one] for array in self.inputs), labels, self.source)

    def input_bytes(self, index: int) -> list[bytes]:
        """Vector `index` as the bytes of each input tensor."""
        return [array[index].tobytes() for array in self.inputs]


def vectors_for(model: Inputs, arrays: Mapping[str, Array], source: str) -> Vectors:
    """`arrays` as vectors of `model`: `x`, or `x:NAME` per input, and optionally `y`.

    Each input is N x its shape, with or without the batch of 1, in the model's dtype, or float to
    be quantized. Raises DataError that says what does not fit.
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
    labels = arrays.get(LABELS)
    if labels is not None and (labels.ndim == 0 or len(labels) != count):
        found = "a single value" if labels.ndim == 0 else f"{len(labels)}"
        raise DataError(f"{source}: {count} vectors, but {found} labels in 'y'")
    return Vectors(inputs, labels, source, _sha256([arrays[name] for name in sorted(arrays)]))


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
        if name not in wanted and name != LABELS:
            known = [*wanted, LABELS]
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
