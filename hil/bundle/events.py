"""The log of a conversation, played back event by event."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.bench.noting import CLOCK, EXECUTED
from hil.errors import BundleError, ReplayMismatch
from hil.link.codes import MessageType
from hil.link.frames import DELIMITER, BadFrame, Frame, FrameReader, encode_frame
from hil.link.host import Host
from hil.link.log import RECEIVED, SENT
from hil.link.messages import BY_TYPE, Hello


@dataclass(frozen=True)
class Event:
    """One line of the log: a frame with its direction, or a value that was noted."""

    line: int
    t_s: float
    direction: str = ""
    frame: Frame | BadFrame | None = None
    noted: str = ""
    value: float | None = None


class Recording:
    """All events, taken one after the other; every frame that is sent must be the recorded one.

    `now_s` is the time of the conversation: that of the events, and in silence that of who waits.
    """

    def __init__(self, events: list[Event]) -> None:
        self.events = tuple(events)
        self._left = deque(events)
        self.now_s = events[0].t_s if events else 0.0

    @property
    def is_over(self) -> bool:
        """Whether everything was played."""
        return not self._left

    @property
    def host(self) -> Host:
        """The host of then: its time, and its nonce."""
        return Host(now=lambda: self.now_s, nonce=self._nonce)

    def received(self, timeout_s: float) -> bytes:
        """What the device said until the host's next turn; nothing, `timeout_s` later, when it is
        the host's turn already.

        All at once: when the host had taken a part of it and spoken, that stood in between.
        """
        data = b""
        while self._left and self._left[0].direction == RECEIVED:
            frame = self._take().frame
            if isinstance(frame, Frame):
                data += encode_frame(frame)
            elif frame is not None:
                data += frame.encoded + DELIMITER
        if not data:
            self.now_s += timeout_s
        return data

    def sent(self, data: bytes) -> None:
        """What the host says now. Raises ReplayMismatch when it said something else then."""
        (frame,) = FrameReader().feed(data.lstrip(DELIMITER))
        event = self._take_as(SENT, "", _name(frame))
        if event.frame != frame:
            raise ReplayMismatch(
                f"line {event.line}: the host sent {_name(event.frame)} then, "
                f"and sends {_name(frame)} now, or with other bytes",
                hint="was the bundle made by another version of hil?",
                step="replay",
            )

    def noted(self, name: str) -> float | None:
        """A value that was read elsewhere. Raises ReplayMismatch when something else was then."""
        return self._take_as("", name, name).value

    def clock(self) -> float:
        """The host's clock as it was read then."""
        return self.noted(CLOCK) or 0.0

    def executed_instructions(self) -> int | None:
        """What an emulated board had executed then; None for a real one."""
        value = self.noted(EXECUTED)
        return None if value is None else int(value)

    def _nonce(self) -> int:
        for event in self._left:
            if isinstance(event.frame, Frame) and event.frame.type == MessageType.HELLO:
                return Hello.unpack(event.frame.payload).nonce
        raise ReplayMismatch("there was no hello", step="replay")

    def _take_as(self, direction: str, noted: str, wanted: str) -> Event:
        event = self._left[0] if self._left else None
        if event is None:
            raise ReplayMismatch(
                f"the log ends after {len(self.events)} events, and the host goes on with {wanted}",
                step="replay",
            )
        if event.direction != direction or event.noted != noted:
            raise ReplayMismatch(
                f"line {event.line}: {event.noted or _name(event.frame)} came then, {wanted} now",
                hint="was the bundle made by another version of hil?",
                step="replay",
            )
        return self._take()

    def _take(self) -> Event:
        event = self._left.popleft()
        self.now_s = max(self.now_s, event.t_s)
        return event


class RecordedPort:
    """A Port on which the recording answers."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def read(self, timeout_s: float) -> bytes:
        """See Port."""
        return self._recording.received(timeout_s)

    def write(self, data: bytes) -> None:
        """See Port."""
        self._recording.sent(data)

    def close(self) -> None:
        """See Port."""


def read_recording(path: Path) -> Recording:
    """The log of a bundle. Raises BundleError when a line cannot be read."""
    events = []
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            events.append(_event(number, json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{path}, line {number}: {error}") from error
    return Recording(events)


def _event(number: int, entry: dict[str, Any]) -> Event:
    if "noted" in entry:
        return Event(number, entry["t_s"], noted=entry["noted"], value=entry["value"])
    frame: Frame | BadFrame
    if "bad" in entry:
        frame = BadFrame(bytes.fromhex(entry["encoded"]), entry["bad"])
    else:
        frame = Frame(entry["type"], entry["sequence"], bytes.fromhex(entry["payload"]))
    return Event(number, entry["t_s"], entry["dir"], frame)


def _name(frame: Frame | BadFrame | None) -> str:
    if not isinstance(frame, Frame):
        return "a damaged frame"
    message = BY_TYPE.get(frame.type)
    return message.__name__ if message is not None else f"{frame.type:#04x}"
