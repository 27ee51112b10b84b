"""Reads `.tflite` files through the schema classes that ship with LiteRT.

The classes trust every offset and length in the file, so lengths are checked here against the
file's size and whatever else a broken file makes them raise becomes a ModelError.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hil.errors import ModelError
from hil.model.info import ModelInfo, OperatorInfo, SubgraphInfo, TensorInfo
from hil.model.macs import count_macs
from hil.model.scheme import detect_scheme

FILE_IDENTIFIER = b"TFL3"
MIN_BYTES = 16
DAMAGED_HINT = "copy or convert it again"
SMALL_CONSTANT_BYTES = 32
LEGACY_CODE_MAX = 127
# What the schema's classes raise on a broken file.
DAMAGE = (
    struct.error,
    IndexError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
)


def read_model(path: Path) -> ModelInfo:
    """The model in a file. Raises ModelError when it is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    return parse_model(content, path.stem, str(path))


def parse_model(content: bytes, name: str, where: str = "model") -> ModelInfo:
    """The model in `content`, called `name`. Raises ModelError that begins with `where`."""
    if len(content) < MIN_BYTES:
        raise ModelError(f"{where} is no model: it has only {len(content)} bytes")
    if content[4:8] != FILE_IDENTIFIER:
        raise ModelError(
            f"{where} is no TensorFlow Lite model: bytes 4 to 7 are not 'TFL3'",
            hint="a .tflite file comes from TFLiteConverter or a quantizer",
        )
    try:
        return _Reader(content).model(name)
    except ModelError as error:
        raise ModelError(f"{where} is damaged: {error.message}", hint=DAMAGED_HINT) from error
    except DAMAGE as error:
        raise ModelError(
            f"{where} is damaged: {type(error).__name__}: {error}", hint=DAMAGED_HINT
        ) from error


class _Reader:
    def __init__(self, content: bytes) -> None:
        from ai_edge_litert import schema_py_generated

        self._schema: Any = schema_py_generated
        self._content = content
        self._model = self._schema.Model.GetRootAs(content, 0)
        self._tensor_types = names_by_value(self._schema.TensorType)
        self._operators = names_by_value(self._schema.BuiltinOperator)
        self._option_kinds = names_by_value(self._schema.BuiltinOptions)

    def _items(self, length: int, get: Callable[[int], Any], element_bytes: int = 4) -> list[Any]:
        """The elements of a vector; a length that cannot fit the file is damage."""
        if length < 0 or length * element_bytes > len(self._content):
            raise ModelError(f"a vector of {length} elements does not fit the file")
        items = [get(i) for i in range(length)]
        if any(item is None for item in items):
            raise ModelError("a vector has an element that is not there")
        return items

    def model(self, name: str) -> ModelInfo:
        model = self._model
        subgraphs = self._items(model.SubgraphsLength(), model.Subgraphs)
        if not subgraphs:
            raise ModelError("the model has no subgraph")
        codes = self._items(model.OperatorCodesLength(), model.OperatorCodes)
        main, *further = (self._subgraph(i, g, codes) for i, g in enumerate(subgraphs))
        description = model.Description()
        return ModelInfo(
            name=name,
            sha256=hashlib.sha256(self._content).hexdigest(),
            file_bytes=len(self._content),
            schema_version=model.Version(),
            subgraphs=len(subgraphs),
            description=description.decode("utf-8", "replace") if description else "",
            tensors=main.tensors,
            operators=main.operators,
            inputs=main.inputs,
            outputs=main.outputs,
            scheme=detect_scheme(main.tensors, main.operators),
            content=self._content,
            further_subgraphs=tuple(further),
        )

    def _subgraph(self, index: int, graph: Any, codes: list[Any]) -> SubgraphInfo:
        tensors = tuple(
            self._tensor(i, t)
            for i, t in enumerate(self._items(graph.TensorsLength(), graph.Tensors))
        )
        operators = tuple(
            self._operator(i, op, codes, tensors)
            for i, op in enumerate(self._items(graph.OperatorsLength(), graph.Operators))
        )
        name = graph.Name()
        return SubgraphInfo(
            index=index,
            name=name.decode("utf-8", "replace") if name else "",
            tensors=tensors,
            operators=operators,
            inputs=self._tensor_indices(graph.InputsLength(), graph.Inputs, tensors),
            outputs=self._tensor_indices(graph.OutputsLength(), graph.Outputs, tensors),
        )

    def _tensor_indices(
        self, length: int, get: Callable[[int], int], tensors: tuple[TensorInfo, ...]
    ) -> tuple[int, ...]:
        indices = tuple(self._items(length, get))
        for index in indices:
            if not 0 <= index < len(tensors):
                raise ModelError(f"there is no tensor {index}")
        return indices

    def _tensor(self, index: int, tensor: Any) -> TensorInfo:
        quantization = tensor.Quantization()
        scales: list[float] = []
        zero_points: list[int] = []
        dimension = 0
        if quantization is not None:
            scales = self._items(quantization.ScaleLength(), quantization.Scale)
            zero_points = self._items(quantization.ZeroPointLength(), quantization.ZeroPoint, 8)
            dimension = quantization.QuantizedDimension()
        name = tensor.Name()
        return TensorInfo(
            index=index,
            name=name.decode("utf-8", "replace") if name else "",
            type=self._tensor_types.get(tensor.Type(), f"type {tensor.Type()}"),
            shape=tuple(self._items(tensor.ShapeLength(), tensor.Shape)),
            shape_signature=tuple(
                self._items(tensor.ShapeSignatureLength(), tensor.ShapeSignature)
            ),
            scales=tuple(scales),
            zero_points=tuple(zero_points),
            quantized_dimension=dimension,
            is_variable=bool(tensor.IsVariable()),
            is_sparse=tensor.Sparsity() is not None,
            **self._constant(tensor),
        )

    def _constant(self, tensor: Any) -> dict[str, Any]:
        """What the file holds of a tensor's data."""
        if not 0 <= tensor.Buffer() < self._model.BuffersLength():
            raise ModelError(f"there is no buffer {tensor.Buffer()}")
        buffer = self._model.Buffers(tensor.Buffer())
        size = buffer.DataLength()
        is_external = buffer.Offset() > 1 or bool(tensor.ExternalBuffer())
        values = None
        if self._tensor_types.get(tensor.Type()) == "INT32" and 0 < size <= SMALL_CONSTANT_BYTES:
            data = bytes(self._items(size, buffer.Data, 1))
            values = struct.unpack(f"<{size // 4}i", data[: size // 4 * 4])
        return {
            "is_constant": bool(size or is_external),
            "data_bytes": size or None,
            "is_external": is_external,
            "constant_values": values,
        }

    def _operator(
        self, index: int, operator: Any, codes: list[Any], tensors: tuple[TensorInfo, ...]
    ) -> OperatorInfo:
        if not 0 <= operator.OpcodeIndex() < len(codes):
            raise ModelError(f"operator {index} has no operator code")
        code = codes[operator.OpcodeIndex()]
        # Codes of 127 and above are in the newer field only; writers fill both for the others.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = self._operators.get(number, f"operator {number}")
        is_custom = name == "CUSTOM"
        if is_custom:
            name = (code.CustomCode() or b"unnamed").decode("utf-8", "replace")
        inputs = tuple(self._items(operator.InputsLength(), operator.Inputs))
        outputs = tuple(self._items(operator.OutputsLength(), operator.Outputs))
        for tensor_index in (*inputs, *outputs):
            if not -1 <= tensor_index < len(tensors):
                raise ModelError(f"operator {index} uses tensor {tensor_index}, which is not there")
        return OperatorInfo(
            index=index,
            name=name,
            version=code.Version(),
            is_custom=is_custom,
            inputs=inputs,
            outputs=outputs,
            macs=count_macs(name, inputs, outputs, tensors),
            options=self._options(operator),
            custom_options=self._custom_options(operator),
            legacy_code_differs=code.DeprecatedBuiltinCode() != min(number, LEGACY_CODE_MAX),
        )

    def _options(self, operator: Any) -> dict[str, Any] | None:
        """The options table as numbers by name, None when there is none of a known kind."""
        table = operator.BuiltinOptions()
        kind = self._option_kinds.get(operator.BuiltinOptionsType())
        if table is None or kind is None or not hasattr(self._schema, f"{kind}T"):
            return None
        typed = getattr(self._schema, kind)()
        typed.Init(table.Bytes, table.Pos)
        return dict(vars(getattr(self._schema, f"{kind}T").InitFromObj(typed)))

    def _custom_options(self, operator: Any) -> bytes:
        return bytes(
            self._items(operator.CustomOptionsLength(), operator.CustomOptions, element_bytes=1)
        )


def names_by_value(enum: type) -> dict[int, str]:
    """The names of an enumeration of the schema by their numbers."""
    return {value: name for name, value in vars(enum).items() if not name.startswith("_")}
