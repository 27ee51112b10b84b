"""What programs boards: one small Protocol, pyOCD first behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Progress = Callable[[float], None]


@dataclass(frozen=True)
class ProgramReport:
    """What was programmed: bytes of all segments, each read back and compared; time in seconds."""

    programmed_bytes: int
    verified_bytes: int
    chip_id: int
    duration_s: float


class Flasher(Protocol):
    """Programs one board."""

    def program(self, image: Path, on_progress: Progress | None = None) -> ProgramReport:
        """Writes the image's segments, reads them back, and leaves the core halted."""

    def reset(self) -> None:
        """Resets the board, lets it run and detaches."""

    def close(self) -> None:
        """Lets go of the probe."""
