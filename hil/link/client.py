"""Requests to the firmware: one at a time, each with a deadline, damaged ones sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hil.errors import DeviceFault, LinkError, LinkTimeout
from hil.link import crash
from hil.link.codes import MessageType, RejectReason
from hil.link.frames import DELIMITER, BadFrame, Frame, FrameReader, encode_frame
from hil.link.host import HOST, Host
from hil.link.log import FrameLog
from hil.link.messages import (
    BY_TYPE,
    Boot,
    Crash,
    Hello,
    HelloReply,
    Log,
    Operator,
    OperatorData,
    Rejected,
)
from hil.link.port import Port
from hil.link.wire import PROTOCOL_MAJOR, Message

HELLO_PERIOD_S = 0.05
DEFAULT_TIMEOUT_S = 5.0
ATTEMPT_S = 0.5  # a short request unanswered for so long was lost
STALL_S = 0.2  # a frame that stands still for so long has lost its end
RETRIES = 5
LONG_ATTEMPT_S = 1.0  # an inference may last as long, or longer
LONG_RETRIES = 20
MAX_SEQUENCE = 255
DRAIN_S = 5.0
WATCH_LIMIT_S = 900.0

Reply = TypeVar("Reply", bound=Message)


class LinkClient:
    """The host's end of the link.

    `retransmissions` counts requests that had to be sent again, `log_text` collects what the
    firmware printed.
    """

    def __init__(self, port: Port, *, frame_log: FrameLog | None = None, host: Host = HOST) -> None:
        self._port = port
        self._host, self._now = host, host.now
        self._reader = FrameReader()
        self._received: list[Frame | BadFrame] = []
        self._frame_log = frame_log
        self._sequence = 0
        self.retransmissions = 0
        self.received_bytes = 0
        self.log_text = ""
        self._observations: list[Operator | OperatorData] = []
        self._heard_s = 0.0  # when the last byte came

    def close(self) -> None:
        """Releases the port."""
        self._port.close()
        if self._frame_log is not None:
            self._frame_log.close()

    # ---- handshake

    def hello(self, timeout_s: float) -> HelloReply:
        """Asks until the firmware answers with our nonce: what an older image sends cannot pass.

        Raises LinkTimeout on silence, LinkError when it speaks another protocol, DeviceFault when
        it reports a crash.
        """
        nonce = self._host.nonce()
        deadline = self._now() + timeout_s
        sequence = self._next_sequence()
        garbage = unanswered = 0
        while self._now() < deadline:
            self._send(Hello(nonce), sequence)
            unanswered += 1
            frame = self._receive(
                min(deadline, self._now() + HELLO_PERIOD_S),
                lambda f: isinstance(f, BadFrame) or f.type in (HelloReply.TYPE, Boot.TYPE),
            )
            if isinstance(frame, BadFrame):
                garbage += 1
            elif frame is not None and frame.type == HelloReply.TYPE:
                reply = _unpack(HelloReply, frame)
                if reply.nonce == nonce:
                    if unanswered > 1:
                        self._wait_for_silence()
                    return _same_protocol(reply)
        raise self._no_hello(timeout_s, garbage)

    def _wait_for_silence(self) -> None:
        """Lets what is still on its way pass: firmware that sends is deaf to what comes next."""
        deadline = self._now() + DRAIN_S
        while self._now() < deadline:
            before = self.received_bytes
            self._receive(self._now() + HELLO_PERIOD_S, lambda _: False)
            if self.received_bytes == before:
                return

    def _no_hello(self, timeout_s: float, garbage: int) -> LinkError:
        if garbage or self._reader.pending_bytes:
            return LinkError(
                f"{self.received_bytes} bytes came, but no valid answer",
                hint="wrong baud rate, or another program's output on this port",
                step="hello",
            )
        if self.received_bytes:
            return LinkError(
                "the firmware talks, but does not answer to our nonce",
                hint="is this port the board that was programmed?",
                step="hello",
            )
        return LinkTimeout(
            f"not one byte from the board in {timeout_s:g} s",
            hint="is this port the board that was programmed, and does the firmware start?",
            step="hello",
        )

    # ---- requests

    def request(
        self,
        message: Message,
        reply: type[Reply],
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        may_take_long: bool = False,
        is_working: Callable[[], bool] | None = None,
    ) -> Reply:
        """Sends `message` and waits for its answer.

        A request or answer that the line damaged or lost is sent again under the same number, and
        the firmware repeats its answer instead of serving it twice. With `may_take_long` silence
        is no sign of loss at first: it is sent again after 1 s, 2 s, 4 s and so on. At the deadline
        `is_working` is asked, and as long as it says yes, the wait goes on.

        Raises LinkTimeout, LinkError (the request was rejected) and DeviceFault (the firmware
        crashed meanwhile).
        """
        sequence = self._next_sequence()
        deadline = self._now() + timeout_s
        name = type(message).__name__
        attempts, damaged = 0, False
        while attempts <= (LONG_RETRIES if may_take_long else RETRIES):
            self._send(message, sequence, after_damage=attempts > 0)
            patience_s = LONG_ATTEMPT_S * 2**attempts if may_take_long else ATTEMPT_S
            give_up = min(deadline, self._now() + patience_s)
            frame = self._receive(give_up, lambda f: _answers(f, reply.TYPE, sequence))
            is_over = frame is None and self._now() >= deadline
            if is_over and is_working is not None and is_working():
                deadline = self._now() + timeout_s
            elif is_over:
                raise self._no_answer(name, timeout_s)
            if isinstance(frame, Frame):
                answer = _answer(frame, reply, name)
                if answer is not None:
                    return answer
            damaged = damaged or frame is not None
            attempts += 1
            self.retransmissions += 1
        if not damaged:
            raise LinkTimeout(
                f"no answer to {name} in {attempts} attempts",
                hint="the firmware hangs, or the line is cut",
                step=name.lower(),
            )
        raise LinkError(
            f"{name} got no undamaged answer in {attempts} attempts",
            hint="check cable, ground and baud rate",
            step=name.lower(),
        )

    def watch(
        self,
        message: Message,
        reply: type[Reply],
        *,
        timeout_s: float,
        is_working: Callable[[], bool] | None = None,
    ) -> Reply:
        """Like `request`, for one that is answered by many frames: observations, then `reply`.

        Firmware that sends is deaf, so nothing is sent again before the line is silent; damaged
        observations are left out, and every byte that comes begins the time-out anew. Raises as
        `request`, and LinkError when the line talks for WATCH_LIMIT_S without an answer.
        """
        sequence = self._next_sequence()
        name = type(message).__name__
        self._heard_s = self._now()
        limit = self._now() + WATCH_LIMIT_S
        for attempt in range(LONG_RETRIES + 1):
            self._send(message, sequence, after_damage=attempt > 0)
            sent_s = self._now()
            while True:
                patience_s = LONG_ATTEMPT_S * 2**attempt
                give_up = min(max(self._heard_s, sent_s) + patience_s, self._heard_s + timeout_s)
                give_up = min(give_up, limit)
                frame = self._receive(give_up, lambda f: _answers(f, reply.TYPE, sequence))
                if isinstance(frame, Frame):
                    answer = _answer(frame, reply, name)
                    if answer is not None:
                        return answer
                if self._now() >= limit:
                    raise LinkError(
                        f"no answer to {name} among what came in {WATCH_LIMIT_S:g} s",
                        hint="wrong baud rate, or another program's output on this port",
                        step=name.lower(),
                    )
                if frame is None and self._now() >= max(self._heard_s, sent_s) + patience_s:
                    break
                if frame is None and self._now() >= self._heard_s + timeout_s:
                    if is_working is None or not is_working():
                        raise self._no_answer(name, timeout_s)
                    self._heard_s = self._now()
            self.retransmissions += 1
        raise self._no_answer(name, timeout_s)

    def _no_answer(self, name: str, timeout_s: float) -> LinkTimeout:
        self._wait_for_silence()
        return LinkTimeout(
            f"no answer to {name} within {timeout_s:g} s",
            hint="the firmware hangs, or bytes were lost on the line",
            step=name.lower(),
        )

    def take_observations(self) -> list[Operator | OperatorData]:
        """What operators told since the last call, in the order in which it came."""
        taken, self._observations = self._observations, []
        return taken

    # ---- frames

    def _next_sequence(self) -> int:
        """1 to 255, around; 0 belongs to frames nobody asked for."""
        self._sequence = self._sequence % MAX_SEQUENCE + 1
        return self._sequence

    def _send(self, message: Message, sequence: int, *, after_damage: bool = False) -> None:
        frame = Frame(message.TYPE, sequence, message.pack())
        if self._frame_log is not None:
            self._frame_log.sent(frame)
        # A delimiter first ends whatever is left of a frame that lost its own.
        self._port.write((DELIMITER if after_damage else b"") + encode_frame(frame))

    def _receive(
        self, deadline: float, wanted: Callable[[Frame | BadFrame], bool]
    ) -> Frame | BadFrame | None:
        """The next frame that is wanted, or None at the deadline. Keeps log text, raises crashes.

        A frame that has begun and does not go on is given as damaged.
        """
        while True:
            while self._received:
                frame = self._received.pop(0)
                if isinstance(frame, Frame):
                    self._take_note(frame)
                if wanted(frame):
                    return frame
            left_s = deadline - self._now()
            if left_s <= 0:
                return None
            unfinished = self._reader.pending_bytes > 0
            data = self._port.read(min(left_s, STALL_S) if unfinished else left_s)
            self.received_bytes += len(data)
            if data:
                self._heard_s = self._now()
                self._keep(self._reader.feed(data))
            elif unfinished and left_s > STALL_S:
                self._keep(self._reader.feed(DELIMITER))

    def _keep(self, frames: list[Frame | BadFrame]) -> None:
        if self._frame_log is not None:
            for frame in frames:
                self._frame_log.received(frame)
        self._received += frames

    def _take_note(self, frame: Frame) -> None:
        if frame.type == MessageType.LOG:
            self.log_text += _unpack(Log, frame).text
        elif frame.type == MessageType.OPERATOR:
            self._observations.append(_unpack(Operator, frame))
        elif frame.type == MessageType.OPERATOR_DATA:
            self._observations.append(_unpack(OperatorData, frame))
        elif frame.type == MessageType.CRASH:
            raise DeviceFault(
                crash.headline(_unpack(Crash, frame)),
                detail=crash.describe(_unpack(Crash, frame), self.log_text),
                hint="the program counter tells where: addr2line -e IMAGE.elf ADDRESS",
                step="run",
            )


def _answers(frame: Frame | BadFrame, reply: MessageType, sequence: int) -> bool:
    """Whether a frame ends the wait for `reply` to request `sequence`."""
    if isinstance(frame, BadFrame) or frame.type == MessageType.BOOT:
        return True
    if frame.type == MessageType.REJECTED and frame.sequence == 0:
        return True  # our request was damaged: its number could not be read
    return frame.sequence == sequence and frame.type in (reply, MessageType.REJECTED)


def _answer(frame: Frame, reply: type[Reply], name: str) -> Reply | None:
    """The answer in a frame, or None when the request was damaged. Raises LinkError."""
    if frame.type == reply.TYPE:
        return _unpack(reply, frame)
    if frame.type == MessageType.BOOT:
        raise LinkError(
            f"the firmware restarted instead of answering {name}",
            hint="power dips, a watchdog, or somebody pressed reset",
            step=name.lower(),
        )
    rejected = _unpack(Rejected, frame)
    if rejected.reason == RejectReason.BAD_FRAME:
        return None
    raise LinkError(f"{name} was rejected: {_reason(rejected)}", step=name.lower())


def _unpack(kind: type[Reply], frame: Frame | BadFrame) -> Reply:
    if isinstance(frame, BadFrame):
        raise LinkError(f"a damaged frame: {frame.reason}", step="link")
    try:
        return kind.unpack(frame.payload)
    except ValueError as error:
        raise LinkError(
            f"an answer of the wrong shape: {error}",
            hint="firmware and host are of different versions: build and flash again",
            step="link",
        ) from error


def _same_protocol(reply: HelloReply) -> HelloReply:
    if reply.protocol_major != PROTOCOL_MAJOR:
        raise LinkError(
            f"the firmware speaks protocol {reply.protocol_major}.{reply.protocol_minor}, "
            f"this hil {PROTOCOL_MAJOR}",
            hint="build and flash the image again",
            step="hello",
        )
    return reply


def _reason(rejected: Rejected) -> str:
    try:
        reason = RejectReason(rejected.reason).name.lower().replace("_", " ")
    except ValueError:
        reason = f"reason {rejected.reason}"
    message = BY_TYPE.get(rejected.request)
    return f"{reason} ({message.__name__})" if message else reason
