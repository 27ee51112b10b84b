from __future__ import annotations

import re
from pathlib import Path

import pytest

from hil.link.codes import REPLY_BIT, MessageType
from hil.link.messages import BY_TYPE, MESSAGES, Hello, HelloReply, InferReply, TensorReply, Write
from hil.link.wire import MAX_PAYLOAD_BYTES, MAX_RANK, Message

PROTOCOL_DOC = Path(__file__).parents[2] / "docs" / "protocol.md"


def example(kind: type[Message]) -> Message:
    values: dict[str, object] = {}
    for number, field in enumerate(kind.LAYOUT):
        if field.code == "s":
            values[field.name] = bytes([number + 1]) * field.length
        elif field.length > 1:
            values[field.name] = tuple(range(field.length))
        else:
            values[field.name] = 0.5 if field.code == "f" else number + 1
    if kind.HAS_TAIL:
        values["tail"] = b"tail" * 3
    return kind(**values)


@pytest.mark.parametrize("kind", MESSAGES)
def test_every_message_survives_packing(kind: type[Message]) -> None:
    message = example(kind)
    assert kind.unpack(message.pack()) == message


@pytest.mark.parametrize("kind", [kind for kind in MESSAGES if kind.LAYOUT])
def test_a_cut_message_is_refused(kind: type[Message]) -> None:
    payload = example(kind).pack()[: kind.layout().size - 1]
    with pytest.raises(ValueError, match=kind.__name__):
        kind.unpack(payload)


@pytest.mark.parametrize("kind", [kind for kind in MESSAGES if not kind.HAS_TAIL])
def test_a_message_with_bytes_left_over_is_refused(kind: type[Message]) -> None:
    with pytest.raises(ValueError, match=kind.__name__):
        kind.unpack(example(kind).pack() + b"x")


def test_every_type_has_exactly_one_message() -> None:
    assert set(BY_TYPE) == {int(member) for member in MessageType}


def test_replies_are_their_requests_with_the_top_bit_set() -> None:
    for kind in MESSAGES:
        if kind.__name__.endswith("Reply"):
            request = next(k for k in MESSAGES if k.__name__ == kind.__name__[: -len("Reply")])
            assert kind.TYPE == request.TYPE | REPLY_BIT


def test_a_payload_that_exceeds_a_frame_is_refused() -> None:
    room = MAX_PAYLOAD_BYTES - Write.layout().size
    Write(0, 0, b"x" * room).pack()
    with pytest.raises(ValueError, match="exceeds a frame"):
        Write(0, 0, b"x" * (room + 1)).pack()


def test_a_short_shape_is_padded() -> None:
    reply = TensorReply(1, 2, (3, 4), 12, 0.0, 0)
    assert TensorReply.unpack(reply.pack()).shape == (3, 4) + (0,) * (MAX_RANK - 2)


def test_hello_is_little_endian() -> None:
    assert Hello(0x11223344).pack() == bytes.fromhex("44332211")


def test_target_name_ends_at_the_first_zero() -> None:
    reply = HelloReply(1, 0, 0, 0, 0, bytes(20), bytes(32), b"stm32f746".ljust(32, b"\0"))
    assert reply.target_name == "stm32f746"


def test_a_tail_that_is_no_list_of_crcs_is_refused() -> None:
    with pytest.raises(ValueError, match="middle of a CRC"):
        _ = InferReply(0, 1, b"abc").input_crcs


def test_the_documentation_lists_every_message_and_field() -> None:
    text = PROTOCOL_DOC.read_text()
    for kind in MESSAGES:
        row = re.search(rf"^\| `{kind.__name__}` \| `{kind.TYPE:#04x}` \|(.*)$", text, re.M)
        assert row, f"{kind.__name__} is not in docs/protocol.md"
        for field in kind.LAYOUT:
            assert f"`{field.name}" in row[1], f"{kind.__name__}.{field.name} is not documented"
