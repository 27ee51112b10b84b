"""The board of a recorded run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.bundle.events import RecordedPort, Recording
from hil.emulator.instruction_trace import InstructionTrace
from hil.flash.flasher import ProgramReport, Progress
from hil.link.port import Port
from hil.vocab import Kind


@dataclass(frozen=True)
class RecordedBoard:
    """A Board that does nothing but to say what it said."""

    id: str
    kind: Kind
    recording: Recording

    @property
    def flasher(self) -> RecordedBoard:
        """Itself: there is nothing to program."""
        return self

    def program(self, image: Path, on_progress: Progress | None = None) -> ProgramReport:
        """See Flasher."""
        return ProgramReport(0, 0, 0, 0.0)

    def reset(self) -> None:
        """See Flasher."""

    def warm_up(self) -> None:
        """See Board."""

    def open_port(self) -> Port:
        """See Board."""
        return RecordedPort(self.recording)

    def diagnosis(self) -> str:
        """See Board."""
        return ""

    def executed_instructions(self) -> int | None:
        """See Board."""
        return self.recording.executed_instructions()

    def instruction_trace(self, marks: Sequence[int]) -> InstructionTrace | None:
        """See Board."""
        return None

    def close(self) -> None:
        """See Board."""
