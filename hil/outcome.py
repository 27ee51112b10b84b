"""What a measurement leaves for the checks: the record, and what did not fit into it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hil.data import Array
from hil.errors import HilError
from hil.firmware.image import Image
from hil.record import RunRecord
from hil.reference.reference import ReferenceName, ReferenceResult


@dataclass(frozen=True)
class Outcome:
    """A run and what did not fit into its record: outputs as arrays of N x output shape."""

    record: RunRecord
    image: Image
    outputs: tuple[Array, ...]
    references: dict[ReferenceName, ReferenceResult]
    reference_errors: dict[ReferenceName, HilError]
    accuracy_errors: dict[str, HilError] = field(default_factory=dict)
