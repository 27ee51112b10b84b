"""pyOCD as a Flasher, in a child process with deadlines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.child import ChildDied, ChildProcess
from hil.errors import FlashError
from hil.flash.flasher import ProgramReport, Progress

MODULE = "hil.flash.pyocd_child"
PROGRAM_TIMEOUT_S = 120.0
RESET_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class ProbeSettings:
    """How to reach a board's debug port.

    `chip_id_*` tell which chip must answer, `unlocked_*` what a register reads when flash may be
    written (None: not checked); `boards_dir` is where a private emulated board is
    listed, None for boards that anybody may find.
    """

    probe_id: str
    pyocd_target: str
    frequency_hz: int
    connect_mode: str
    reset_post_delay_s: float
    chip_id_address: int
    chip_id_mask: int
    chip_id_value: int
    unlocked_address: int | None = None
    unlocked_mask: int = 0
    unlocked_value: int = 0
    boards_dir: str | None = None


class PyocdFlasher:
    """Programs one board through pyOCD. The child stays warm between calls."""

    def __init__(self, settings: ProbeSettings, child: ChildProcess) -> None:
        self._settings = settings
        self._child = child

    def program(self, image: Path, on_progress: Progress | None = None) -> ProgramReport:
        """See Flasher. Raises FlashError and BenchError."""
        result = self._call("program", PROGRAM_TIMEOUT_S, on_progress, image=str(image.resolve()))
        return ProgramReport(**result)

    def reset(self) -> None:
        """See Flasher. Raises FlashError and BenchError."""
        self._call("reset", RESET_TIMEOUT_S)

    def close(self) -> None:
        """See Flasher."""
        if self._child.is_running:
            self._call("release", RESET_TIMEOUT_S)

    def _call(
        self,
        operation: str,
        timeout_s: float,
        on_progress: Progress | None = None,
        **arguments: Any,
    ) -> dict[str, Any]:
        try:
            return self._child.call(
                operation,
                {"settings": vars(self._settings), **arguments},
                timeout_s=timeout_s,
                on_progress=on_progress,
            )
        except ChildDied as error:
            raise FlashError(
                f"pyOCD gave up: {error.message}",
                hint="unplug and replug the probe; `hil doctor` lists what is connected",
                step=operation,
                detail=error.detail,
            ) from error
