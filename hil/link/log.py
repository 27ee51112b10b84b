"""A record of every frame on the line, for people and for replay."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic
from typing import TextIO

from hil.link.frames import BadFrame, Frame
from hil.link.messages import BY_TYPE

SENT, RECEIVED = ">", "<"


class FrameLog:
    """Writes one JSON object per frame: time, direction, message name, bytes in hex.

    What else the host learned in between and decided by (`note`) stands between them.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("w", encoding="utf-8")
        self._start = monotonic()

    def sent(self, frame: Frame) -> None:
        """A frame the host sent."""
        self._write_frame(SENT, frame)

    def received(self, frame: Frame | BadFrame) -> None:
        """What came from the device."""
        self._write_frame(RECEIVED, frame)

    def note(self, name: str, value: float | None) -> None:
        """What the host read elsewhere: its clock, or an emulated board's instructions."""
        self._write({"noted": name, "value": value})

    def _write_frame(self, direction: str, frame: Frame | BadFrame) -> None:
        entry: dict[str, object] = {"dir": direction}
        if isinstance(frame, Frame):
            message = BY_TYPE.get(frame.type)
            entry["message"] = message.__name__ if message else f"{frame.type:#04x}"
            entry["type"] = int(frame.type)
            entry["sequence"] = frame.sequence
            entry["payload"] = frame.payload.hex()
        else:
            entry["bad"] = frame.reason
            entry["encoded"] = frame.encoded.hex()
        self._write(entry)

    def _write(self, entry: dict[str, object]) -> None:
        timed = {"t_s": round(monotonic() - self._start, 6), **entry}
        self._file.write(json.dumps(timed) + "\n")

    def close(self) -> None:
        """Ends the record."""
        self._file.close()
