"""What a `.tflite` file holds, as far as this package looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any

from hil.vocab import Scheme

# Bytes per element of the TensorType names of the schema; those not listed have no fixed size.
ELEMENT_BYTES = {
    "FLOAT32": 4,
    "FLOAT16": 2,
    "FLOAT64": 8,
    "INT8": 1,
    "UINT8": 1,
    "BOOL": 1,
    "INT16": 2,
    "UINT16": 2,
    "INT32": 4,
    "UINT32": 4,
    "INT64": 8,
    "UINT64": 8,
    "COMPLEX64": 8,
    "COMPLEX128": 16,
    "RESOURCE": 4,  # the handle of a variable, as TFLM has it
}
# numpy dtypes of the types a model's inputs and outputs may have here
NUMPY_DTYPES = {
    "FLOAT32": "float32",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}

# Custom operators that keep something of their own from one inference to the next.
STATEFUL_CUSTOM_OPERATORS = frozenset(
    {
        "CIRCULAR_BUFFER",
        "SignalDelay",
        "SignalFilterBankSpectralSubtraction",
        "SignalFramer",
        "SignalOverlapAdd",
        "SignalStacker",
    }
)
VARIABLE_HANDLE = "VAR_HANDLE"


@dataclass(frozen=True)
class TensorInfo:
    """One tensor: `type` is the schema's TensorType name, `shape` includes the batch of 1.

    Of a constant, `data_bytes` is the size of what the file holds for it, `is_external` says that
    this lies outside the flatbuffer, and `constant_values` are those of small int32 ones.
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    quantized_dimension: int
    is_constant: bool
    is_variable: bool
    data_bytes: int | None = None
    is_external: bool = False
    is_sparse: bool = False
    constant_values: tuple[int, ...] | None = None

    @property
    def elements(self) -> int:
        """How many values it has."""
        return prod(self.shape)

    @property
    def bytes(self) -> int | None:
        """Its size in memory; None for types without a fixed element size."""
        element_bytes = ELEMENT_BYTES.get(self.type)
        return None if element_bytes is None else element_bytes * self.elements

    @property
    def is_per_channel(self) -> bool:
        """Whether it has a scale for each channel."""
        return len(self.scales) > 1

    @property
    def numpy_dtype(self) -> str | None:
        """The numpy dtype of its values, None when numpy has none for it."""
        return NUMPY_DTYPES.get(self.type)


@dataclass(frozen=True)
class OperatorInfo:
    """One operator: `name` is the schema's BuiltinOperator name, or a custom operator's own.

    `inputs` and `outputs` are tensor indices, -1 for an absent optional input. `macs` counts
    multiply-accumulates, by shapes. `options` are those of the schema's object API, None when the
    file has none. `legacy_code_differs`: readers of the older code field, TFLM among them, take it
    for another operator. `custom_options` are a custom operator's own, as the file holds them.
    """

    index: int
    name: str
    version: int
    is_custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    macs: int
    options: Mapping[str, Any] | None = None
    legacy_code_differs: bool = False
    custom_options: bytes = b""

    @property
    def variable(self) -> str:
        """The variable that a VAR_HANDLE is of: CONTAINER/NAME."""
        options = self.options or {}
        return "/".join(_text(options.get(key)) for key in ("container", "sharedName"))


@dataclass(frozen=True)
class SubgraphInfo:
    """A subgraph that operators of others run: the body of a loop, what CALL_ONCE does.

    Indices in `operators`, `inputs` and `outputs` are those of its own `tensors`.
    """

    index: int
    name: str
    tensors: tuple[TensorInfo, ...]
    operators: tuple[OperatorInfo, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class ModelInfo:
    """A model. `sha256` is of the whole file, sizes are in bytes.

    `tensors`, `operators`, `inputs` and `outputs` are those of the main subgraph, the first of
    `subgraphs`; the others are in `further_subgraphs`.
    """

    name: str
    sha256: str
    file_bytes: int
    schema_version: int
    subgraphs: int
    description: str
    tensors: tuple[TensorInfo, ...]
    operators: tuple[OperatorInfo, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    scheme: Scheme
    content: bytes = field(repr=False)
    further_subgraphs: tuple[SubgraphInfo, ...] = ()

    @property
    def input_tensors(self) -> tuple[TensorInfo, ...]:
        """Its inputs in order."""
        return tuple(self.tensors[i] for i in self.inputs)

    @property
    def output_tensors(self) -> tuple[TensorInfo, ...]:
        """Its outputs in order."""
        return tuple(self.tensors[i] for i in self.outputs)

    @property
    def graphs(self) -> tuple[ModelInfo, ...]:
        """The model, then each of its further subgraphs as if it were a model of its own."""
        further = (
            replace(
                self,
                tensors=subgraph.tensors,
                operators=subgraph.operators,
                inputs=subgraph.inputs,
                outputs=subgraph.outputs,
                further_subgraphs=(),
            )
            for subgraph in self.further_subgraphs
        )
        return (self, *further)

    @property
    def all_operators(self) -> tuple[OperatorInfo, ...]:
        """Those of the main subgraph, then those of the further ones."""
        further = (o for subgraph in self.further_subgraphs for o in subgraph.operators)
        return (*self.operators, *further)

    @cached_property
    def resource_variables(self) -> tuple[str, ...]:
        """The variables that VAR_HANDLE names, sorted, each once: CONTAINER/NAME."""
        handles = (o for o in self.all_operators if o.name == VARIABLE_HANDLE)
        return tuple(sorted({handle.variable for handle in handles}))

    @cached_property
    def has_state(self) -> bool:
        """Whether an inference depends on those before it: by variable tensors, by resource
        variables, or by operators that remember.
        """
        further = (t for subgraph in self.further_subgraphs for t in subgraph.tensors)
        remembers = {VARIABLE_HANDLE, *STATEFUL_CUSTOM_OPERATORS}
        return any(tensor.is_variable for tensor in (*self.tensors, *further)) or any(
            operator.name in remembers for operator in self.all_operators
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, without those of further subgraphs."""
        return sum(operator.macs for operator in self.operators)

    def weights_bytes(self, operator: OperatorInfo) -> int:
        """Bytes of the operator's constant inputs: weights, biases, tables."""
        constants = [self.tensors[i] for i in operator.inputs if i >= 0]
        return sum(tensor.data_bytes or 0 for tensor in constants if tensor.is_constant)

    @cached_property
    def operator_names(self) -> tuple[str, ...]:
        """The operators that all its subgraphs need, sorted, each once."""
        return tuple(sorted({operator.name for operator in self.all_operators}))

    @property
    def is_integer(self) -> bool:
        """Whether host TFLM must be met bit for bit."""
        return self.scheme in (Scheme.INT8, Scheme.INT16X8, Scheme.UINT8, Scheme.INTEGER)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
