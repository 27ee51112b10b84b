"""What a flatbuffer holds beside the model: named pieces of bytes."""

from __future__ import annotations

from typing import Any

from hil.errors import ModelError
from hil.model.flatbuffer import DAMAGE

PROVENANCE = "hil.provenance"


def read_metadata(content: bytes, name: str) -> bytes | None:
    """The bytes that a `.tflite` file holds under `name`; None when there are none.

    Raises ModelError when they cannot be read.
    """
    from ai_edge_litert import schema_py_generated as schema

    try:
        model: Any = schema.Model.GetRootAs(content, 0)
        for index in range(model.MetadataLength()):
            entry = model.Metadata(index)
            if entry.Name() == name.encode():
                return bytes(model.Buffers(entry.Buffer()).DataAsNumpy())
    except DAMAGE as error:
        raise unreadable(name, error) from error
    return None


def unreadable(name: str, error: Exception) -> ModelError:
    """The error that says that metadata cannot be read."""
    return ModelError(f"its metadata {name!r} cannot be read: {error}")
