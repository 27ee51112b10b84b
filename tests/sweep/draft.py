"""A one-operator model while it is drawn: tensors, their quantization, what to feed them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from flatbuffers import flexbuffers

from hil.model.info import NUMPY_DTYPES
from tests.models import Model, Operator, Tensor, write

Array = npt.NDArray[Any]

FLOATS = ("FLOAT32",)
QUANTIZED = ("INT8", "INT16")
TYPES = ("FLOAT32", "INT8", "UINT8", "INT16", "INT32", "INT64", "BOOL")
ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
ODD_ACTIVATIONS = {"TANH": 4, "SIGN_BIT": 5}
FLOAT_LIMIT = 4.0
MOST_ELEMENTS = 600


@dataclass(frozen=True)
class Feed:
    """Values an input may take, both ends included; None: the whole range of its type."""

    low: float | None = None
    high: float | None = None
    never_zero: bool = False


@dataclass(frozen=True)
class Quantization:
    """Scale and zero point of a tensor."""

    scale: float
    zero_point: int

    def step(self, value: float) -> int:
        """The integer that stands for a real value, not clamped."""
        return round(value / self.scale) + self.zero_point


@dataclass(frozen=True)
class Drawn:
    """A model of one operator. `type` is the operator's main type as the table shows it."""

    operator: str
    type: str
    settings: str
    model: Model
    feeds: tuple[Feed, ...]
    stateful: bool = False

    def content(self) -> bytes:
        """The file."""
        return write(self.model)


def element_range(type_: str) -> tuple[float, float]:
    """Lowest and highest value of a type; of floats what the sweep feeds them."""
    if type_ == "FLOAT32":
        return -FLOAT_LIMIT, FLOAT_LIMIT
    if type_ == "BOOL":
        return 0, 1
    if type_ == "INT4":
        return -8, 7
    limits = np.iinfo(NUMPY_DTYPES[type_])
    return int(limits.min), int(limits.max)


def numpy_type(type_: str) -> np.dtype[Any]:
    """How numpy holds a tensor of this type; int4 before it is packed is int8."""
    return np.dtype("int8" if type_ == "INT4" else NUMPY_DTYPES[type_])


def pack_int4(values: Array) -> Array:
    """Two values to a byte, the first in the low bits."""
    flat = values.astype(np.int8).ravel()
    if flat.size % 2:
        flat = np.append(flat, np.int8(0))
    low, high = flat[0::2].view(np.uint8) & 15, flat[1::2].view(np.uint8) & 15
    return low | (high << 4)


@dataclass
class Draft:
    """What a family's function fills in."""

    rng: np.random.Generator
    operator: str
    type: str
    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    feeds: list[Feed] = field(default_factory=list)
    words: dict[str, Any] = field(default_factory=dict)
    branches: list[Model] = field(default_factory=list)
    stateful: bool = False

    @property
    def is_quantized(self) -> bool:
        """Whether its main type carries scales."""
        return self.type in ("INT8", "UINT8", "INT16")

    def chance(self, probability: float) -> bool:
        """True so often."""
        return bool(self.rng.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """An integer, both ends included."""
        return int(self.rng.integers(low, high, endpoint=True))

    def pick(self, *choices: Any) -> Any:
        """One of them."""
        return choices[self.integer(0, len(choices) - 1)]

    def note(self, name: str, value: Any) -> Any:
        """Keeps a setting for the report, and gives it back."""
        self.words[name] = value
        return value

    def shape(self, low: int = 1, high: int = 4, most: int = 8) -> tuple[int, ...]:
        """A shape of rank `low` to `high` with few enough elements; the batch is mostly 1."""
        rank = self.integer(low, high)
        sizes = [self.integer(1, most) for _ in range(rank)]
        if rank > 1 and self.chance(0.7):
            sizes[0] = 1
        while prod(sizes) > MOST_ELEMENTS:
            sizes[int(np.argmax(sizes))] //= 2
        return tuple(sizes)

    def any_shape(self) -> tuple[int, ...]:
        """As `shape`, now and then a scalar or of rank 5 or 6."""
        if self.chance(0.04):
            return ()
        return self.shape(5, 6, 3) if self.chance(0.1) else self.shape()

    def quantization(self, type_: str | None = None) -> Quantization | None:
        """As a converter would write it, at times at an end of the range; None for other types."""
        type_ = type_ or self.type
        if type_ not in ("INT8", "UINT8", "INT16"):
            return None
        scale = float(np.float32(np.exp(self.rng.uniform(np.log(0.002), np.log(0.1)))))
        if self.chance(0.05):
            scale = 2.0 ** self.integer(-10, 0)
        if type_ == "INT16":
            return Quantization(scale / 256, self.integer(-5000, 5000) if self.chance(0.04) else 0)
        low, high = element_range(type_)
        zero = self.integer(int(low), int(high))
        if self.chance(0.4):
            zero = int(self.pick(low, high, (low + high + 1) // 2))
        return Quantization(scale, zero)

    def with_room_above(self, type_: str | None = None) -> Quantization | None:
        """As `quantization`, with integers above the zero point: for roots and divisors."""
        found = self.quantization(type_)
        if found is None:
            return None
        _, high = element_range(type_ or self.type)
        return Quantization(found.scale, min(found.zero_point, int(high) - 20))

    def near(self, quantization: Quantization | None) -> Quantization | None:
        """Mostly the same, else another one of that type."""
        return quantization if self.chance(0.7) else self.quantization()

    def tensor(
        self,
        type_: str,
        shape: Sequence[int],
        quantization: Quantization | None = None,
        **more: Any,
    ) -> int:
        """A further tensor; its index."""
        if quantization is not None:
            more |= {"scales": (quantization.scale,), "zero_points": (quantization.zero_point,)}
        more.setdefault("name", f"tensor{len(self.tensors)}")
        self.tensors.append(Tensor(type_, tuple(int(n) for n in shape), **more))
        return len(self.tensors) - 1

    def input(
        self,
        type_: str,
        shape: Sequence[int],
        quantization: Quantization | None = None,
        feed: Feed | None = None,
    ) -> int:
        """A further input of the model; its tensor's index."""
        index = self.tensor(type_, shape, quantization)
        self.inputs.append(index)
        self.feeds.append(feed or Feed())
        return index

    def constant(
        self,
        type_: str,
        values: Any,
        quantization: Quantization | None = None,
        **more: Any,
    ) -> int:
        """A constant tensor of these values; its index."""
        array = np.asarray(values, numpy_type(type_))
        data = pack_int4(array) if type_ == "INT4" else array
        return self.tensor(type_, array.shape, quantization, data=data, **more)

    def random(self, type_: str, shape: Sequence[int], feed: Feed | None = None) -> Array:
        """Random values within a feed, or of the whole range of the type."""
        low, high = element_range(type_)
        if feed is not None:
            low = low if feed.low is None else feed.low
            high = high if feed.high is None else feed.high
        dtype = numpy_type(type_)
        if dtype.kind == "f":
            return self.rng.uniform(low, high, shape).astype(dtype)
        values = self.rng.integers(int(low), int(high), shape, endpoint=True)
        if feed is not None and feed.never_zero:
            values = np.where(values == 0, 1, values)
        return np.asarray(values).astype(dtype)

    def operand(
        self,
        shape: Sequence[int],
        quantization: Quantization | None = None,
        feed: Feed | None = None,
        constant: float = 0.25,
    ) -> int:
        """An input of the main type, so often a constant instead (never the first one)."""
        if self.inputs and self.chance(constant):
            values = self.random(self.type, shape, feed)
            return self.constant(self.type, values, quantization)
        return self.input(self.type, shape, quantization, feed)

    def output(
        self, type_: str, shape: Sequence[int], quantization: Quantization | None = None
    ) -> int:
        """A further output of the model; its tensor's index."""
        index = self.tensor(type_, shape, quantization)
        self.outputs.append(index)
        return index

    def add(self, inputs: Sequence[int], **settings: Any) -> None:
        """The operator, with all outputs so far."""
        version = settings.pop("version", 1)
        for name, value in settings.items():
            self.words.setdefault(name, value)
        self.operators.append(
            Operator(self.operator, tuple(inputs), tuple(self.outputs), version, settings)
        )

    def custom(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any
    ) -> None:
        """A custom operator with its options as a flexbuffer; it may be one of several."""
        for key, value in options.items():
            self.words.setdefault(key, value)
        data = bytes(flexbuffers.Dumps(options)) if options else b""
        self.operators.append(
            Operator("CUSTOM", tuple(inputs), tuple(outputs), 1, None, name, None, data)
        )

    def activation(self) -> int:
        """A fused activation, at times one that few kernels have."""
        if self.chance(0.03):
            name = self.pick(*ODD_ACTIVATIONS)
            self.note("activation", name)
            return ODD_ACTIVATIONS[name]
        name = self.pick(*ACTIVATIONS)
        self.note("activation", name)
        return ACTIVATIONS[name]

    def drawn(self) -> Drawn:
        """The finished model."""
        words = ", ".join(f"{name}={value}" for name, value in self.words.items())
        shapes = "; ".join(
            f"{tensor.type.lower()}{list(tensor.shape)}{'*' if tensor.data is not None else ''}"
            for tensor in self.tensors
        )
        model = Model(self.tensors, self.operators, self.inputs, self.outputs)
        model.branches = self.branches
        return Drawn(
            self.operator,
            self.type,
            f"{shapes}{'; ' if words else ''}{words}",
            model,
            tuple(self.feeds),
            self.stateful or any(tensor.is_variable for tensor in self.tensors),
        )
