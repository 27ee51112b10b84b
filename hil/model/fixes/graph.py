"""A subgraph of a `.tflite` file that can be changed, over the schema's object API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.model.flatbuffer import LEGACY_CODE_MAX, names_by_value

Array = npt.NDArray[np.generic]

INT32 = "INT32"


class Graph:
    """Subgraph `index` of `model`, a ModelT."""

    def __init__(self, model: Any, index: int = 0) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.schema: Any = schema
        self.model = model
        self.index = index
        self._types = names_by_value(schema.TensorType)
        self._operators = names_by_value(schema.BuiltinOperator)

    @property
    def subgraph(self) -> Any:
        """The SubGraphT."""
        return self.model.subgraphs[self.index]

    @property
    def tensors(self) -> list[Any]:
        """Its TensorT entries."""
        return self.subgraph.tensors or []

    @property
    def operators(self) -> list[Any]:
        """Its OperatorT entries in the order in which they run."""
        return self.subgraph.operators or []

    @property
    def inputs(self) -> list[int]:
        """Tensor indices of the subgraph's inputs."""
        return indices(self.subgraph.inputs)

    @property
    def outputs(self) -> list[int]:
        """Tensor indices of the subgraph's outputs."""
        return indices(self.subgraph.outputs)

    def name(self, operator: Any) -> str:
        """The operator's name in the schema; a custom one is "CUSTOM"."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        return self._operators.get(number, f"operator {number}")

    def type(self, tensor: int) -> str:
        """The TensorType name of a tensor."""
        return self._types.get(self.tensors[tensor].type, "")

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The stored shape of a tensor; () for a scalar."""
        return tuple(indices(self.tensors[tensor].shape))

    def is_constant(self, tensor: int) -> bool:
        """Whether the file holds the tensor's data."""
        buffer = self.model.buffers[self.tensors[tensor].buffer]
        return (buffer.data is not None and len(buffer.data) > 0) or buffer.offset > 1

    def constant(self, tensor: int) -> npt.NDArray[np.int32] | None:
        """The values of an int32 constant, None when it is none."""
        buffer = self.model.buffers[self.tensors[tensor].buffer]
        if self.type(tensor) != INT32 or buffer.data is None or len(buffer.data) == 0:
            return None
        return np.frombuffer(bytes(buffer.data), "<i4").reshape(self.shape(tensor))

    def readers(self) -> Counter[int]:
        """How many times operators and the subgraph's outputs read each tensor."""
        read = Counter(i for op in self.operators for i in indices(op.inputs) if i >= 0)
        read.update(self.outputs)
        return read

    def maker(self, tensor: int) -> Any | None:
        """The operator that writes the tensor."""
        return next((op for op in self.operators if tensor in indices(op.outputs)), None)

    def text(self, tensor: int) -> str:
        """A tensor in words: its number and name."""
        name = (self.tensors[tensor].name or b"").decode("utf-8", "replace")
        return f"tensor {tensor} {name!r}"

    def add_constant(self, values: Array, name: str) -> int:
        """A new constant tensor of `values`, int32; gives its index."""
        tensor = self.schema.TensorT()
        tensor.name = name.encode()
        tensor.type = self.schema.TensorType.INT32
        tensor.shape = np.array(values.shape, np.int32)
        self.tensors.append(tensor)
        self.set_constant(len(self.tensors) - 1, values.astype("<i4"))
        return len(self.tensors) - 1

    def set_constant(self, tensor: int, values: Array) -> None:
        """Makes the tensor a constant of `values`, which are in its dtype."""
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        self.tensors[tensor].buffer = len(self.model.buffers) - 1
        self.tensors[tensor].shape = np.array(values.shape, np.int32)
        self.tensors[tensor].shapeSignature = None

    def add_like(self, tensor: int, shape: Sequence[int], suffix: str) -> int:
        """A new tensor of the same type and quantization in another shape; gives its index."""
        original = self.tensors[tensor]
        copy = self.schema.TensorT()
        copy.name = (original.name or b"") + suffix.encode()
        copy.type = original.type
        copy.quantization = original.quantization
        copy.shape = np.array(shape, np.int32)
        self.tensors.append(copy)
        return len(self.tensors) - 1

    def operator(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Any = None,
        version: int = 1,
    ) -> Any:
        """A new operator, not yet in the subgraph; `options` is a table of the object API."""
        entry = self.schema.OperatorT()
        entry.opcodeIndex = self._code(name, version)
        entry.inputs = np.array(inputs, np.int32)
        entry.outputs = np.array(outputs, np.int32)
        if options is not None:
            entry.builtinOptions = options
            kind = type(options).__name__.removesuffix("T")
            entry.builtinOptionsType = getattr(self.schema.BuiltinOptions, kind)
        return entry

    def reshape(self, source: int, target: int) -> Any:
        """A RESHAPE from one tensor to the other's shape."""
        shape = np.array(self.shape(target), np.int32)
        options = self.schema.ReshapeOptionsT()
        options.newShape = shape
        constant = self.add_constant(shape, f"shape_{target}")
        return self.operator("RESHAPE", (source, constant), (target,), options)

    def replace(self, operator: Any, others: Sequence[Any]) -> None:
        """Puts `others` where `operator` was."""
        at = next(i for i, entry in enumerate(self.operators) if entry is operator)
        self.subgraph.operators = [*self.operators[:at], *others, *self.operators[at + 1 :]]

    def set_version(self, operator: Any, version: int) -> None:
        """Gives the operator an operator code of that version."""
        operator.opcodeIndex = self._code(self.name(operator), version)

    def _code(self, name: str, version: int) -> int:
        number = getattr(self.schema.BuiltinOperator, name)
        for index, code in enumerate(self.model.operatorCodes):
            known = max(code.builtinCode, code.deprecatedBuiltinCode)
            if (known, code.version) == (number, version):
                return index
        code = self.schema.OperatorCodeT()
        code.builtinCode, code.version = number, version
        code.deprecatedBuiltinCode = min(number, LEGACY_CODE_MAX)
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1


def indices(vector: Any) -> list[int]:
    """A vector of the schema as a list; a missing one is empty."""
    return [] if vector is None else [int(value) for value in vector]
