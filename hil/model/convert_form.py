"""The form in which a converter's file is kept: what TFLM of 2020 reads, and LiteRT as well."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np

from hil.errors import ModelError
from hil.model.flatbuffer import FILE_IDENTIFIER, LEGACY_CODE_MAX
from hil.model.metadata import PROVENANCE
from hil.model.provenance import Provenance

# `force_align` of Buffer.data in the schema; numpy vectors would be aligned to 4 bytes only.
BUFFER_ALIGNMENT = 16
BUILDER_BYTES = 1 << 16


def normal_form(content: bytes, provenance: Provenance) -> bytes:
    """The `.tflite` file `content` as TFLM of 2020 can read it, with `provenance` in its metadata.

    Operator codes stand in the older field too, constants inside the flatbuffer and aligned, a zero
    point beside each scale, and shapes are fixed at what they are. Raises ModelError when constants
    lie in another file.
    """
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for code in model.operatorCodes:
        code.deprecatedBuiltinCode = min(
            max(code.builtinCode, code.deprecatedBuiltinCode), LEGACY_CODE_MAX
        )
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            _normalize_tensor(tensor)
    _replace_metadata(model, provenance, schema)
    model.buffers = [_inline_buffer(buffer, content, schema) for buffer in model.buffers]
    builder = flatbuffers.Builder(BUILDER_BYTES)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def _normalize_tensor(tensor: Any) -> None:
    if tensor.externalBuffer:
        raise ModelError(
            f"constant {tensor.name.decode(errors='replace')!r} lies in another file",
            hint="export the model into one file",
        )
    if tensor.shape is not None and all(size > 0 for size in tensor.shape):
        tensor.shapeSignature = None
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None:
        return
    scales = len(quantization.scale)
    points = quantization.zeroPoint
    if points is None or len(points) == 0:
        quantization.zeroPoint = np.zeros(scales, np.int64)
    elif len(points) == 1:
        quantization.zeroPoint = np.repeat(points, scales)


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


def _replace_metadata(model: Any, provenance: Provenance, schema: Any) -> None:
    """Puts the provenance into the metadata, instead of the source's if that has one."""
    name = PROVENANCE.encode()
    data = np.frombuffer(provenance.model_dump_json().encode(), np.uint8)
    for entry in model.metadata or []:
        if entry.name == name:
            model.buffers[entry.buffer].data = data
            return
    entry = schema.MetadataT()
    entry.name = name
    entry.buffer = len(model.buffers)
    buffer = schema.BufferT()
    buffer.data = data
    model.buffers = [*model.buffers, buffer]
    model.metadata = [*(model.metadata or []), entry]
