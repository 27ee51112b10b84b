"""What a model needs of flash and RAM, and what the target has, as far as the file shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hil.model.info import ModelInfo, TensorInfo
from hil.model.problem import Problem
from hil.vocab import Scheme

if TYPE_CHECKING:
    from hil.model.preflight import Limits

# Estimates of code are at most this share off: measured over the suites' models (docs/memory.md).
CODE_TOLERANCE = 0.1
# What else is in the RAM of an arena: TFLM's own structures and the firmware's variables.
ARENA_ALLOWANCE_BYTES = 16 * 1024
# Types whose tensors take a byte an element once a model is quantized to int8.
_QUANTIZABLE = ("FLOAT32", "FLOAT16", "INT16")


def size_problems(model: ModelInfo, limits: Limits) -> Iterator[Problem]:
    """What the file, its code, and a single operator's activations need is more than there is."""
    yield from _flash(model, limits)
    yield from _arena(model, limits)


def _flash(model: ModelInfo, limits: Limits) -> Iterator[Problem]:
    smaller = "quantize it to int8 or make it smaller" if _is_float(model) else "make it smaller"
    if model.file_bytes > limits.flash_bytes:
        yield Problem(
            f"its file has {model.file_bytes:,} bytes, the target's flash {limits.flash_bytes:,}",
            smaller,
        )
        return
    code_bytes = limits.code_bytes(model)
    if code_bytes is None:
        return
    excess = model.file_bytes + code_bytes - limits.flash_bytes
    if excess > code_bytes * CODE_TOLERANCE:  # if nearer, the linker decides
        yield Problem(
            f"its file has {model.file_bytes:,} bytes and its code about {code_bytes:,}: together "
            f"about {excess:,} more than the target's flash of {limits.flash_bytes:,}",
            smaller,
        )


def _arena(model: ModelInfo, limits: Limits) -> Iterator[Problem]:
    needed = _activation_bytes(model)
    if needed <= limits.arena_bytes:
        return
    remedies = ["use smaller inputs or fewer channels"]
    quantized = _activation_bytes(model, as_int8=True)
    if quantized < needed and quantized <= limits.arena_bytes:
        remedies.insert(0, f"quantize it to int8: about {quantized:,} bytes")
    if needed + ARENA_ALLOWANCE_BYTES <= limits.joined_arena_bytes:
        all_ram = f"{limits.joined_ram_bytes // 1024:,} KiB"
        remedies.insert(0, f'fits with arena = "all" ({all_ram}) in the target file')
    yield Problem(
        f"one operator alone needs {needed:,} bytes of activations, "
        f"the target's arena has {limits.arena_bytes:,}",
        ", or ".join(remedies),
    )


def _is_float(model: ModelInfo) -> bool:
    """Whether its weights are larger than those of int8."""
    return model.scheme in (Scheme.FLOAT32, Scheme.FLOAT16)


def _activation_bytes(model: ModelInfo, *, as_int8: bool = False) -> int:
    """The most that one operator's inputs and outputs take together: no plan can need less.

    `as_int8`: after the model was quantized to int8.
    """

    def size(tensor: TensorInfo) -> int:
        is_smaller = as_int8 and tensor.type in _QUANTIZABLE
        return tensor.elements if is_smaller else tensor.bytes or 0

    most = 0
    for operator in model.operators:
        used = {i for i in (*operator.inputs, *operator.outputs) if i >= 0}
        tensors = [model.tensors[i] for i in used if not model.tensors[i].is_constant]
        most = max(most, sum(map(size, tensors)))
    return most
