"""A port without a board: a script answers what the client sends."""

from __future__ import annotations

from collections.abc import Callable

from hil.link.frames import BadFrame, Frame, FrameReader, encode_frame
from hil.link.messages import BY_TYPE
from hil.link.wire import Message

Answer = Callable[[Message, int], list[bytes]]


def reply(message: Message, sequence: int) -> bytes:
    """A frame from the device."""
    return encode_frame(Frame(message.TYPE, sequence, message.pack()))


class FakePort:
    """Feeds every whole request to `answer`, whose bytes are what the client reads next."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._reader = FrameReader()
        self._incoming: list[bytes] = []
        self.requests: list[tuple[Message, int]] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        for frame in self._reader.feed(data):
            assert not isinstance(frame, BadFrame)
            message = BY_TYPE[frame.type].unpack(frame.payload)
            self.requests.append((message, frame.sequence))
            self._incoming += self._answer(message, frame.sequence)

    def read(self, timeout_s: float) -> bytes:
        assert timeout_s >= 0
        return self._incoming.pop(0) if self._incoming else b""

    def close(self) -> None:
        self.closed = True
