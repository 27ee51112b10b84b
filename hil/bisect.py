"""The first operator that differs between a device and the host's build of the same tree."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from hil.data import Array, Vectors
from hil.device import Device
from hil.errors import DeviceFault
from hil.model.info import ModelInfo, OperatorInfo, TensorInfo
from hil.state import restore
from hil.trace import InferenceTrace, OperatorTrace, trace

REFERENCE_TIMEOUT_S = 120.0
# A correct build's float32 tensors differ from the host's by fused multiply-adds and libm: some
# 1e-6 of the largest value of the tensor, growing slowly with depth. A wrong operator is off by
# orders of magnitude more.
FLOAT_BOUND = 1e-4


@dataclass(frozen=True)
class Divergence:
    """Where a device first computes something else than the host, on one vector.

    `inputs_equal` tells whether the operator was given the same inputs: if not, something else
    wrote to them. `max_abs_error` is in least significant bits for integers, in values for floats;
    `where` is the element of the output tensor in which it is, `found` and `expected` its values.
    `channels` are the indices along the last dimension in which anything differs.
    """

    operator: int
    name: str
    inputs_equal: bool
    tensor: TensorInfo
    elements: int
    differing_elements: int
    max_abs_error: float
    where: tuple[int, ...]
    found: float
    expected: float
    channels: tuple[int, ...]


def first_divergence(
    device: Device,
    host: Device,
    model: ModelInfo,
    vectors: Vectors,
    index: int,
    timeout_s: float,
    is_working: Callable[[], bool] | None = None,
) -> Divergence | None:
    """The first operator that differs on vector `index`, None when all are the same.

    Integer tensors must be equal: their CRCs are compared, and only the tensor that differs is
    fetched, by a second inference. With float tensors in the model all are fetched at once, and
    may differ by FLOAT_BOUND of the host's largest value. Raises what `trace` raises.
    """
    inputs = vectors.input_bytes(index)

    def watched(on: Device, data_of: range) -> InferenceTrace:
        is_host = on is host
        wait_s = REFERENCE_TIMEOUT_S if is_host else timeout_s
        working = None if is_host else is_working
        return trace(
            on,
            inputs,
            wait_s,
            crc=True,
            data_of=data_of,
            prepare=lambda: restore(on, model, vectors, index, wait_s, working),
            is_working=working,
        )

    everything = range(len(model.operators)) if _has_floats(model) else range(0)
    found, expected = watched(device, everything), watched(host, everything)
    if everything:
        return _first_float_divergence(model, inputs, found, expected)
    pairs = zip(found.operators, expected.operators, strict=True)
    first = next((a.index for a, b in pairs if a.output_crc != b.output_crc), None)
    if first is None:
        return None
    one = range(first, first + 1)
    again, wanted = watched(device, one).operators[first], watched(host, one).operators[first]
    inputs_equal = found.operators[first].input_crc == expected.operators[first].input_crc
    divergence = _divergence(model, again, wanted, inputs_equal=inputs_equal)
    if divergence is None:
        raise DeviceFault(
            f"operator {first} {model.operators[first].name} gives other outputs from one run to "
            "the next",
            hint="unstable supply, clock or memory, or a kernel that reads what nobody wrote",
            step="bisect",
        )
    return divergence


def _has_floats(model: ModelInfo) -> bool:
    return any(
        model.tensors[i].type == "FLOAT32" for operator in model.operators for i in operator.outputs
    )


def _first_float_divergence(
    model: ModelInfo, inputs: Sequence[bytes], found: InferenceTrace, expected: InferenceTrace
) -> Divergence | None:
    """Integers are held to equality only where they were computed from equal bytes: float32 noise
    before a rounding step may move it by one.
    """
    made = dict(zip(model.inputs, inputs, strict=True))
    for ours, theirs in zip(found.operators, expected.operators, strict=True):
        operator = model.operators[ours.index]
        divergence = _divergence(
            model,
            ours,
            theirs,
            inputs_equal=_read_what_was_made(ours, operator, model, made),
            is_exact=ours.input_crc == theirs.input_crc,
        )
        if divergence is not None:
            return divergence
        made |= dict(zip(operator.outputs, ours.outputs, strict=False))
    return None


def _read_what_was_made(
    traced: OperatorTrace, operator: OperatorInfo, model: ModelInfo, made: Mapping[int, bytes]
) -> bool:
    """Whether the device's operator was given what its own operators had made before.

    Variable tensors are nobody's output: with one of them nothing is claimed.
    """
    crc = 0
    for index in operator.inputs:
        if index < 0 or model.tensors[index].is_constant:
            continue
        if index not in made:
            return True
        crc = binascii.crc32(made[index], crc)
    return crc == traced.input_crc


def _divergence(
    model: ModelInfo,
    ours: OperatorTrace,
    theirs: OperatorTrace,
    *,
    inputs_equal: bool,
    is_exact: bool = True,
) -> Divergence | None:
    """What is wrong with the first output that differs by more than it may."""
    operator = model.operators[ours.index]
    for tensor_index, a, b in zip(operator.outputs, ours.outputs, theirs.outputs, strict=False):
        tensor = model.tensors[tensor_index]
        found, expected = _values(a, tensor), _values(b, tensor)
        gap = np.abs(found.astype(np.float64) - expected.astype(np.float64))
        gap[_both_nan(found, expected)] = 0.0
        gap[np.isnan(gap)] = np.inf
        allowed = _allowed(expected, tensor, is_exact=is_exact)
        if not (gap > allowed).any():
            continue
        where = np.unravel_index(int(gap.argmax()), gap.shape)
        differs = gap > allowed
        return Divergence(
            operator=ours.index,
            name=operator.name,
            inputs_equal=inputs_equal,
            tensor=tensor,
            elements=gap.size,
            differing_elements=int(np.count_nonzero(differs)),
            max_abs_error=float(gap.max()),
            where=tuple(int(i) for i in where),
            found=float(found[where]),
            expected=float(expected[where]),
            channels=tuple(int(i) for i in np.unique(np.nonzero(differs)[-1])),
        )
    return None


def _allowed(expected: Array, tensor: TensorInfo, *, is_exact: bool) -> float:
    """How far an element may be off. An index (no scale) computed from floats may be any: which of
    two nearly equal values is the largest is noise too.
    """
    if expected.dtype.kind != "f":
        return 0.0 if is_exact else 1.0 if tensor.scales else inf
    finite = np.abs(expected[np.isfinite(expected)].astype(np.float64))
    return FLOAT_BOUND * float(finite.max(initial=0.0))


def _both_nan(a: Array, b: Array) -> Array:
    if a.dtype.kind != "f":
        return np.zeros(a.shape, bool)
    return np.asarray(np.isnan(a) & np.isnan(b))


def _values(data: bytes, tensor: TensorInfo) -> Array:
    array = np.frombuffer(data, np.dtype(tensor.numpy_dtype or "uint8"))
    return array.reshape(tensor.shape) if array.size == tensor.elements else array


def describe(divergence: Divergence, model: ModelInfo) -> str:
    """In words: which operator, how much, where, and what that points to."""
    d = divergence
    unit = "" if d.tensor.type == "FLOAT32" else " LSB"
    size = f"{d.max_abs_error:.6g}{unit}"
    if unit and d.tensor.scales and not d.tensor.is_per_channel:
        size += f" ({d.max_abs_error * d.tensor.scales[0]:.3g} in real units)"
    place = ", ".join(str(i) for i in d.where)
    given = (
        "its inputs were equal: kernel or compiler"
        if d.inputs_equal
        else "its inputs differ although what made them did not: overlapping memory"
    )
    channels = _channels_text(d)
    return (
        f"first to differ: operator {d.operator} of {len(model.operators)}, {d.name}: "
        f"{d.differing_elements:,} of {d.elements:,} output elements{channels}, "
        f"by up to {size} at [{place}]: {d.found:g} instead of {d.expected:g}; {given}"
    )


def _channels_text(divergence: Divergence) -> str:
    all_of_them = divergence.tensor.shape[-1] if divergence.tensor.shape else 1
    count = len(divergence.channels)
    if count == all_of_them:
        return ""
    named = ", ".join(str(i) for i in divergence.channels[:4])
    return f" in channel{'s' if count > 1 else ''} {named}{' ...' if count > 4 else ''}"
