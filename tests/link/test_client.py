from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import DeviceFault, LinkError, LinkTimeout
from hil.link.client import RETRIES, LinkClient
from hil.link.codes import RejectReason
from hil.link.log import FrameLog
from hil.link.messages import (
    Boot,
    Crash,
    Hello,
    HelloReply,
    Infer,
    InferReply,
    Log,
    Model,
    ModelReply,
    Rejected,
    Write,
    WriteReply,
)
from hil.link.wire import Message
from tests.link.fake_port import FakePort, reply

SHORT_S = 0.05
MODEL_REPLY = ModelReply(100, 3, 2, 1, 1, 4096, 64)


def hello_reply(nonce: int, major: int = 1) -> HelloReply:
    return HelloReply(major, 0, nonce, 216_000_000, 1, bytes(20), bytes(32), bytes(32))


def answer_models(message: Message, sequence: int) -> list[bytes]:
    return [reply(MODEL_REPLY, sequence)]


def test_hello_gives_the_answer_to_our_nonce() -> None:
    def answer(message: Message, sequence: int) -> list[bytes]:
        assert isinstance(message, Hello)
        return [reply(hello_reply(message.nonce), sequence)]

    assert LinkClient(FakePort(answer)).hello(1).core_clock_hz == 216_000_000


def test_an_old_images_answer_with_another_nonce_does_not_pass() -> None:
    client = LinkClient(FakePort(lambda message, sequence: [reply(hello_reply(12345), sequence)]))
    with pytest.raises(LinkError, match="does not answer to our nonce"):
        client.hello(SHORT_S)


def test_answers_to_earlier_hellos_are_let_pass_before_the_first_request() -> None:
    held_back: list[bytes] = []

    def answer(message: Message, sequence: int) -> list[bytes]:
        assert isinstance(message, Hello)
        held_back.append(reply(hello_reply(message.nonce), sequence))
        return held_back if len(held_back) == 2 else []

    port = FakePort(answer)
    LinkClient(port).hello(2)
    assert port.read(0) == b""


def test_a_long_request_is_sent_again_after_a_longer_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hil.link.client.LONG_ATTEMPT_S", 0.01)

    def answer(message: Message, sequence: int) -> list[bytes]:
        heard.append(sequence)
        return [reply(InferReply(0, 5, b""), sequence)] if len(heard) == 3 else []

    heard: list[int] = []
    client = LinkClient(FakePort(answer))
    assert client.request(Infer(), InferReply, timeout_s=5, may_take_long=True).cycles == 5
    assert len(set(heard)) == 1
    assert client.retransmissions == 2


def test_at_the_deadline_a_working_board_is_waited_for() -> None:
    asked: list[bool] = []

    def is_working() -> bool:
        asked.append(True)
        return len(asked) < 3

    client = LinkClient(FakePort(lambda message, sequence: []))
    with pytest.raises(LinkTimeout, match="no answer to Infer within"):
        client.request(
            Infer(), InferReply, timeout_s=SHORT_S, may_take_long=True, is_working=is_working
        )
    assert len(asked) == 3


def test_hello_is_repeated_until_the_firmware_listens() -> None:
    heard = 0

    def answer(message: Message, sequence: int) -> list[bytes]:
        nonlocal heard
        heard += 1
        assert isinstance(message, Hello)
        return [reply(hello_reply(message.nonce), sequence)] if heard > 3 else []

    LinkClient(FakePort(answer)).hello(2)
    assert heard == 4


def test_silence_is_a_timeout_that_says_so() -> None:
    with pytest.raises(LinkTimeout, match="not one byte"):
        LinkClient(FakePort(lambda message, sequence: [])).hello(SHORT_S)


def test_garbage_is_not_called_silence() -> None:
    client = LinkClient(FakePort(lambda message, sequence: [b"\x7fgarbage\x00"]))
    with pytest.raises(LinkError, match="no valid answer") as caught:
        client.hello(SHORT_S)
    assert "baud" in caught.value.hint


def test_another_protocol_is_refused() -> None:
    def answer(message: Message, sequence: int) -> list[bytes]:
        assert isinstance(message, Hello)
        return [reply(hello_reply(message.nonce, major=9), sequence)]

    with pytest.raises(LinkError, match=r"protocol 9\.0"):
        LinkClient(FakePort(answer)).hello(1)


def test_a_request_gets_its_reply() -> None:
    assert LinkClient(FakePort(answer_models)).request(Model(), ModelReply) == MODEL_REPLY


def test_a_reply_to_an_earlier_request_is_passed_over() -> None:
    def answer(message: Message, sequence: int) -> list[bytes]:
        late = ModelReply(999, 3, 2, 1, 1, 4096, 64)
        return [reply(late, sequence - 1), reply(MODEL_REPLY, sequence)]

    client = LinkClient(FakePort(answer))
    client.request(Model(), ModelReply)
    assert client.request(Model(), ModelReply) == MODEL_REPLY


def test_a_damaged_reply_is_asked_for_again_under_the_same_number() -> None:
    def answer(message: Message, sequence: int) -> list[bytes]:
        whole = reply(MODEL_REPLY, sequence)
        return [whole[:3] + b"\x55" + whole[4:]] if len(port.requests) == 1 else [whole]

    port = FakePort(answer)
    client = LinkClient(port)
    assert client.request(Model(), ModelReply) == MODEL_REPLY
    assert [sequence for _, sequence in port.requests] == [1, 1]
    assert client.retransmissions == 1


def test_a_request_damaged_on_its_way_is_sent_again() -> None:
    def answer(message: Message, sequence: int) -> list[bytes]:
        if len(port.requests) == 1:
            return [reply(Rejected(0, RejectReason.BAD_FRAME), 0)]
        return [reply(WriteReply(4), sequence)]

    port = FakePort(answer)
    assert LinkClient(port).request(Write(0, 0, b"abcd"), WriteReply).written_bytes == 4


def test_a_line_that_damages_everything_is_an_error() -> None:
    client = LinkClient(FakePort(lambda message, sequence: [b"\x03zz\x00"]))
    with pytest.raises(LinkError, match=f"in {RETRIES + 1} attempts"):
        client.request(Model(), ModelReply)


def test_a_rejected_request_says_why() -> None:
    rejected = Rejected(Model.TYPE, RejectReason.NOT_ALLOCATED)
    client = LinkClient(FakePort(lambda message, sequence: [reply(rejected, sequence)]))
    with pytest.raises(LinkError, match="not allocated"):
        client.request(Model(), ModelReply)


def test_no_answer_is_a_timeout() -> None:
    client = LinkClient(FakePort(lambda message, sequence: []))
    with pytest.raises(LinkTimeout, match="no answer to Model"):
        client.request(Model(), ModelReply, timeout_s=SHORT_S)


def test_text_of_the_firmware_is_kept_and_not_mistaken_for_the_reply() -> None:
    def answer(message: Message, sequence: int) -> list[bytes]:
        return [
            reply(Log(b"hello "), 0) + reply(Log(b"world\n"), 0),
            *answer_models(message, sequence),
        ]

    client = LinkClient(FakePort(answer))
    client.request(Model(), ModelReply)
    assert client.log_text == "hello world\n"


def test_a_crash_is_a_fault_with_its_causes() -> None:
    crash = Crash(
        3,
        1,
        1,
        2,
        3,
        4,
        5,
        6,
        0x08001234,
        0,
        0x20003F00,
        0xFFFFFFF9,
        0x8200,
        1 << 30,
        0,
        0x30000000,
    )
    client = LinkClient(FakePort(lambda message, sequence: [reply(crash, 0)]))
    with pytest.raises(DeviceFault, match="0x08001234") as caught:
        client.request(Model(), ModelReply)
    assert "address that faulted: 0x30000000" in caught.value.detail
    assert "PRECISERR" in caught.value.detail


def test_a_restart_in_the_middle_is_noticed() -> None:
    client = LinkClient(FakePort(lambda message, sequence: [reply(Boot(3), 0)]))
    with pytest.raises(LinkError, match="restarted"):
        client.request(Model(), ModelReply)


def test_a_reply_of_the_wrong_shape_is_an_error() -> None:
    wrong = WriteReply(1).pack()

    def answer(message: Message, sequence: int) -> list[bytes]:
        from hil.link.frames import Frame, encode_frame

        return [encode_frame(Frame(ModelReply.TYPE, sequence, wrong))]

    with pytest.raises(LinkError, match="wrong shape"):
        LinkClient(FakePort(answer)).request(Model(), ModelReply)


def test_sequence_numbers_go_round_without_zero() -> None:
    port = FakePort(answer_models)
    client = LinkClient(port)
    for _ in range(300):
        client.request(Model(), ModelReply)
    numbers = [sequence for _, sequence in port.requests]
    assert 0 not in numbers
    assert numbers[255] == 1


def test_every_frame_is_logged_once(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "frames.jsonl"
    client = LinkClient(FakePort(answer_models), frame_log=FrameLog(path))
    client.request(Model(), ModelReply)
    client.request(Model(), ModelReply)
    client.close()
    lines = path.read_text().splitlines()
    assert ['"message": "Model"' in line for line in lines] == [True, False, True, False]


def test_close_releases_the_port() -> None:
    port = FakePort(answer_models)
    LinkClient(port).close()
    assert port.closed
