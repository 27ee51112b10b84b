"""What a converted model says of its making: JSON in the flatbuffer's own metadata."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from hil.errors import ModelError
from hil.model.flatbuffer import DAMAGE
from hil.vocab import Scheme

METADATA_NAME = "hil.provenance"


class SourceKind(StrEnum):
    """What a model can be converted from."""

    TFLITE = "tflite"
    KERAS = "keras"
    SAVED_MODEL = "saved_model"


class CalibrationRecord(BaseModel):
    """The vectors that set the integer ranges: digest of the inputs, and how many there were."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    vectors: int


class Provenance(BaseModel):
    """How a model was made. Holds neither paths nor times, so that the same work gives the same
    bytes.

    `tools` are package versions by name, empty when nothing but the form changed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source_kind: SourceKind
    source_sha256: str
    scheme: Scheme
    per_channel_dense: bool
    tools: dict[str, str]
    calibration: CalibrationRecord | None

    def __str__(self) -> str:
        made_by = ", ".join(f"{name} {version}" for name, version in self.tools.items())
        text = f"{self.scheme.value} from {self.source_kind.value} {self.source_sha256[:8]}"
        if made_by:
            text += f" by {made_by}"
        if self.calibration is not None:
            count, digest = self.calibration.vectors, self.calibration.sha256[:8]
            text += f", calibrated on {count} vectors ({digest})"
        return text


def read_provenance(content: bytes) -> Provenance | None:
    """What a `.tflite` file says of its making; None when it says nothing.

    Raises ModelError when what it says cannot be read.
    """
    try:
        data = _metadata(content)
        return None if data is None else Provenance.model_validate_json(data)
    except DAMAGE as error:
        raise ModelError(f"its metadata {METADATA_NAME!r} cannot be read: {error}") from error


def _metadata(content: bytes) -> bytes | None:
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.Model.GetRootAs(content, 0)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == METADATA_NAME.encode():
            return bytes(model.Buffers(entry.Buffer()).DataAsNumpy())
    return None
