"""What travels between a debug probe and its emulated board, over a local socket.

Request: operation (1 byte), address (4), size (4), little-endian, then `size` bytes for WRITE
and TRACE_START (marks, 4 bytes each).
Reply: status (1 byte), size (4), then that many bytes: data, or the reason of a failure. The data
of TRACE_STOP is described in hil.emulator.trace.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path

REQUEST = struct.Struct("<BII")
REPLY = struct.Struct("<BI")
BOARDS_DIR_VARIABLE = "HIL_EMULATED_BOARDS"
# Every emulated board's probe id begins like this, and no real one's does: results of the two are
# never called by each other's names.
PROBE_PREFIX = "emu-"
# Begins the line on stderr with which a board says why it stopped itself.
REFUSED = "refused: "


class Op(IntEnum):
    """Operations of a request."""

    READ = 0
    WRITE = 1
    RESET = 2
    HOLD_RESET = 3
    COUNTERS = 4
    TRACE_START = 5
    TRACE_STOP = 6


OPS_WITH_DATA = (Op.WRITE, Op.TRACE_START)


class ReplyStatus(IntEnum):
    """How a request went."""

    OK = 0
    BUS_FAULT = 1
    FAILED = 2


@dataclass(frozen=True)
class BoardRecord:
    """An emulated board that runs on this host, as its process announces it."""

    probe_id: str
    chip: str
    socket: str
    port: str
    pid: int

    def dump(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> BoardRecord:
        """The record in a line that `dump` made."""
        return cls(**json.loads(text))


def boards_dir() -> Path:
    """Where running boards are listed: one JSON file each.

    Private boards have a folder of their own, named by an environment variable.
    """
    named = os.environ.get(BOARDS_DIR_VARIABLE)
    if named:
        return Path(named)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime else Path(tempfile.gettempdir()) / f"tflm-hil-{os.getuid()}"
    return base / "tflm-hil" / "boards"
