"""Writes `.tflite` files from the object API of the schema classes that ship with LiteRT."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np

from hil.errors import ModelError
from hil.model.flatbuffer import DAMAGE, DAMAGED_HINT, FILE_IDENTIFIER, LEGACY_CODE_MAX

# `force_align` of Buffer.data in the schema; numpy vectors would be aligned to 4 bytes only.
BUFFER_ALIGNMENT = 16
BUILDER_BYTES = 1 << 16


def open_model(content: bytes) -> Any:
    """The schema's ModelT of a `.tflite` file. Raises ModelError when it is damaged."""
    from ai_edge_litert import schema_py_generated as schema

    try:
        return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    except DAMAGE as error:
        raise ModelError(
            f"the model is damaged: {type(error).__name__}: {error}", hint=DAMAGED_HINT
        ) from error


def write_model(model: Any, content: bytes) -> bytes:
    """A `.tflite` file with all constants inline and aligned; `model` was read from `content`.

    The same model gives the same bytes. Raises ModelError when constants lie in another file.
    """
    from ai_edge_litert import schema_py_generated as schema

    for graph in model.subgraphs:
        for tensor in graph.tensors or []:
            if tensor.externalBuffer:
                name = (tensor.name or b"").decode(errors="replace")
                raise ModelError(
                    f"constant {name!r} lies in another file",
                    hint="export the model into one file",
                )
        for operator in graph.operators or []:
            _inline_options(operator, content)
    buffers = model.buffers
    model.buffers = [_inline_buffer(buffer, content, schema) for buffer in buffers]
    builder = flatbuffers.Builder(BUILDER_BYTES)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    model.buffers = buffers
    return bytes(builder.Output())


def fill_older_codes(model: Any) -> int:
    """Writes each operator code into the older field too; how many were not there."""
    changed = 0
    for code in model.operatorCodes or []:
        older = min(max(code.builtinCode, code.deprecatedBuiltinCode), LEGACY_CODE_MAX)
        changed += older != code.deprecatedBuiltinCode
        code.deprecatedBuiltinCode = older
    return changed


def fill_zero_points(tensor: Any) -> bool:
    """Puts a zero point beside each scale; whether any was missing."""
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None:
        return False
    scales = len(quantization.scale)
    points = quantization.zeroPoint
    if points is None or len(points) == 0:
        quantization.zeroPoint = np.zeros(scales, np.int64)
    elif len(points) == 1 < scales:
        quantization.zeroPoint = np.repeat(points, scales)
    else:
        return False
    return scales > 0


def _inline_options(operator: Any, content: bytes) -> None:
    """Takes in the options of a custom operator that lie behind the flatbuffer."""
    start, size = operator.largeCustomOptionsOffset, operator.largeCustomOptionsSize
    if start > 1:
        operator.customOptions = np.frombuffer(content, np.uint8, size, start)
        operator.largeCustomOptionsOffset = operator.largeCustomOptionsSize = 0


def _inline_buffer(buffer: Any, content: bytes, schema: Any) -> Any:
    """The same data as an aligned vector. Values of 0 and 1 in `offset` mean that it is inline."""
    data = buffer.data
    if buffer.offset > 1:
        data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
    return _AlignedBuffer(schema, data)


class _AlignedBuffer:
    """Takes the place of the schema's BufferT, which packs numpy arrays without alignment."""

    def __init__(self, schema: Any, data: Any) -> None:
        self._schema = schema
        self._data = data

    def Pack(self, builder: Any) -> int:  # noqa: N802 - called by the schema's classes
        """Writes it; gives its offset."""
        vector = None
        if self._data is not None:
            packed = bytes(self._data)
            builder.Prep(BUFFER_ALIGNMENT, len(packed))
            vector = builder.CreateByteVector(packed)
        self._schema.BufferStart(builder)
        if vector is not None:
            self._schema.BufferAddData(builder, vector)
        end: int = self._schema.BufferEnd(builder)
        return end
