"""What a converted model says of its making: JSON in the flatbuffer's own metadata."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from hil.model.metadata import PROVENANCE, read_metadata, unreadable
from hil.vocab import Scheme


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
    data = read_metadata(content, PROVENANCE)
    try:
        return None if data is None else Provenance.model_validate_json(data)
    except ValueError as error:
        raise unreadable(PROVENANCE, error) from error
