"""Requests that are answered by many frames, over a line with a clock of its own."""

from __future__ import annotations

import pytest

from hil.errors import LinkError, LinkTimeout
from hil.link.client import LinkClient
from hil.link.frames import BadFrame, FrameReader
from hil.link.host import Host
from hil.link.messages import Operator, Trace, TraceReply
from hil.link.wire import Message
from tests.link.fake_port import reply

TRACE = Trace(0, 0, 0)
DONE = TraceReply(0, 2, 30, 5, b"")


def told(index: int) -> bytes:
    return reply(Operator(index, 0, 10, 0, 0, 4), 0)


class SlowPort:
    """Gives, for each request, frames that each come after their own delay."""

    def __init__(self, *answers: list[tuple[float, bytes | Message]]) -> None:
        self.now_s = 100.0
        self.answers = list(answers)
        self.coming: list[tuple[float, bytes]] = []
        self.sequences: list[int] = []
        self._reader = FrameReader()

    def write(self, data: bytes) -> None:
        for frame in self._reader.feed(data):
            assert not isinstance(frame, BadFrame)
            self.sequences.append(frame.sequence)
            at_s = self.now_s
            for delay_s, what in self.answers.pop(0) if self.answers else []:
                at_s += delay_s
                data_ = what if isinstance(what, bytes) else reply(what, frame.sequence)
                self.coming.append((at_s, data_))

    def read(self, timeout_s: float) -> bytes:
        if self.coming and self.coming[0][0] <= self.now_s + timeout_s:
            at_s, data = self.coming.pop(0)
            self.now_s = max(self.now_s, at_s)
            return data
        self.now_s += timeout_s
        return b""

    def close(self) -> None:
        pass


def client_of(port: SlowPort) -> LinkClient:
    """A client whose time is the port's."""
    return LinkClient(port, host=Host(now=lambda: port.now_s))


def test_every_byte_begins_the_time_out_anew() -> None:
    port = SlowPort([*((0.9, told(i)) for i in range(20)), (0.9, DONE)])
    client = client_of(port)
    assert client.watch(TRACE, TraceReply, timeout_s=1) == DONE
    assert len(client.take_observations()) == 20
    assert len(port.sequences) == 1
    assert port.now_s > 118


def test_a_damaged_observation_does_not_make_it_ask_again() -> None:
    damaged = bytearray(told(0))
    damaged[3] ^= 1
    port = SlowPort([(0.1, bytes(damaged)), (0.1, told(1)), (0.1, DONE)])
    client = client_of(port)
    assert client.watch(TRACE, TraceReply, timeout_s=5) == DONE
    assert [o.index for o in client.take_observations()] == [1]
    assert len(port.sequences) == 1


def test_a_lost_reply_is_asked_for_again_in_silence_and_under_its_number() -> None:
    port = SlowPort([(0.1, told(0))], [(0.1, DONE)])
    client = client_of(port)
    assert client.watch(TRACE, TraceReply, timeout_s=5) == DONE
    assert port.sequences[0] == port.sequences[1]
    assert port.now_s - 100.0 >= 1.1
    assert client.retransmissions == 1


def test_silence_for_longer_than_allowed_is_a_timeout() -> None:
    port = SlowPort([(0.1, told(0))])
    with pytest.raises(LinkTimeout, match="no answer to Trace within 3 s"):
        client_of(port).watch(TRACE, TraceReply, timeout_s=3)
    assert port.now_s - 100.0 >= 3.1


def test_a_working_board_may_be_silent_for_longer() -> None:
    port = SlowPort([(8.0, DONE)])
    client = client_of(port)
    assert client.watch(TRACE, TraceReply, timeout_s=3, is_working=lambda: True) == DONE


@pytest.mark.parametrize("what", [told(0), b"\x05garbage\x00"], ids=["observations", "garbage"])
def test_a_line_that_never_stops_talking_is_an_error(what: bytes) -> None:
    port = SlowPort([(0.5, what)] * 4000)
    with pytest.raises(LinkError, match="no answer to Trace among what came in 900 s"):
        client_of(port).watch(TRACE, TraceReply, timeout_s=3)
    assert port.now_s - 100.0 < 901
