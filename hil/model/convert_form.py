"""The form in which a converter's file is kept: what TFLM of 2020 reads, and LiteRT as well."""

from __future__ import annotations

from typing import Any

import numpy as np

from hil.model.metadata import PROVENANCE
from hil.model.provenance import Provenance
from hil.model.writer import fill_older_codes, fill_zero_points, open_model, write_model


def normal_form(content: bytes, provenance: Provenance) -> bytes:
    """The `.tflite` file `content` as TFLM of 2020 can read it, with `provenance` in its metadata.

    Operator codes stand in the older field too, constants inside the flatbuffer and aligned, a zero
    point beside each scale, and shapes are fixed at what they are. Raises ModelError when constants
    lie in another file.
    """
    model = open_model(content)
    fill_older_codes(model)
    for graph in model.subgraphs:
        for tensor in graph.tensors or []:
            if tensor.shape is not None and all(size > 0 for size in tensor.shape):
                tensor.shapeSignature = None
            fill_zero_points(tensor)
    _replace_metadata(model, provenance)
    return write_model(model, content)


def _replace_metadata(model: Any, provenance: Provenance) -> None:
    """Puts the provenance into the metadata, instead of the source's if that has one."""
    from ai_edge_litert import schema_py_generated as schema

    name = PROVENANCE.encode()
    data = np.frombuffer(provenance.model_dump_json().encode(), np.uint8)
    for entry in model.metadata or []:
        if entry.name == name:
            buffer = model.buffers[entry.buffer]
            buffer.data, buffer.offset = data, 0
            return
    entry = schema.MetadataT()
    entry.name = name
    entry.buffer = len(model.buffers)
    buffer = schema.BufferT()
    buffer.data = data
    model.buffers = [*model.buffers, buffer]
    model.metadata = [*(model.metadata or []), entry]
