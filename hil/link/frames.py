"""Frames on the serial line: COBS-encoded, ended by a zero byte, guarded by CRC-32."""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass

from cobs import cobs

from hil.link.wire import MAX_PAYLOAD_BYTES

DELIMITER = b"\0"
HEADER_BYTES = 2
CRC_BYTES = 4
MAX_FRAME_BYTES = HEADER_BYTES + MAX_PAYLOAD_BYTES + CRC_BYTES
# COBS adds one byte per 254, and one.
MAX_ENCODED_BYTES = MAX_FRAME_BYTES + MAX_FRAME_BYTES // 254 + 1


@dataclass(frozen=True)
class Frame:
    """One frame: message type, sequence number, payload."""

    type: int
    sequence: int
    payload: bytes


@dataclass(frozen=True)
class BadFrame:
    """Bytes between two delimiters that are no frame, and what is wrong with them."""

    encoded: bytes
    reason: str


def encode_frame(frame: Frame) -> bytes:
    """The bytes to send, delimiter included."""
    body = bytes((frame.type, frame.sequence)) + frame.payload
    encoded: bytes = cobs.encode(body + struct.pack("<I", binascii.crc32(body)))
    return encoded + DELIMITER


def decode_frame(encoded: bytes) -> Frame | BadFrame:
    """What the bytes between two delimiters hold."""
    try:
        body = cobs.decode(encoded)
    except cobs.DecodeError as error:
        return BadFrame(encoded, str(error))
    if len(body) < HEADER_BYTES + CRC_BYTES:
        return BadFrame(encoded, "too short")
    covered, (crc,) = body[:-CRC_BYTES], struct.unpack("<I", body[-CRC_BYTES:])
    if binascii.crc32(covered) != crc:
        return BadFrame(encoded, "CRC does not match")
    return Frame(covered[0], covered[1], covered[HEADER_BYTES:])


class FrameReader:
    """Cuts a byte stream into frames. Garbage costs at most the frame it hits."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._overrun = False

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """Takes received bytes; gives the frames they complete, in order."""
        found: list[Frame | BadFrame] = []
        *ended, rest = data.split(DELIMITER)
        for part in ended:
            self._append(part)
            if self._overrun:
                found.append(BadFrame(bytes(self._pending), "too long"))
            elif self._pending:
                found.append(decode_frame(bytes(self._pending)))
            self._pending.clear()
            self._overrun = False
        self._append(rest)
        return found

    def _append(self, part: bytes) -> None:
        room = MAX_ENCODED_BYTES - len(self._pending)
        self._overrun = self._overrun or len(part) > room
        self._pending += part[:room]

    @property
    def pending_bytes(self) -> int:
        """How many bytes of an unfinished frame have come."""
        return len(self._pending)
