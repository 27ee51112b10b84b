from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.link.frames import DELIMITER, BadFrame, Frame, FrameReader, decode_frame, encode_frame
from hil.link.wire import MAX_PAYLOAD_BYTES

frames = st.builds(
    Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=MAX_PAYLOAD_BYTES)
)


@given(frames)
def test_a_frame_survives_encoding(frame: Frame) -> None:
    encoded = encode_frame(frame)
    assert DELIMITER not in encoded[:-1]
    assert FrameReader().feed(encoded) == [frame]


@given(st.lists(frames, max_size=4), st.lists(st.integers(1, 50), min_size=1))
def test_frames_arrive_whole_however_the_stream_is_cut(sent: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(encode_frame(frame) for frame in sent)
    reader, received = FrameReader(), []
    at = 0
    while at < len(stream):
        size = cuts[at % len(cuts)]
        received += reader.feed(stream[at : at + size])
        at += size
    assert received == sent


@given(frames, st.data())
def test_a_flipped_bit_never_passes_as_the_frame_or_another(
    frame: Frame, data: st.DataObject
) -> None:
    encoded = bytearray(encode_frame(frame))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= 1 << data.draw(st.integers(0, 7))
    received = FrameReader().feed(bytes(encoded) + DELIMITER)
    assert not [good for good in received if isinstance(good, Frame)]


@given(frames, frames, st.data())
def test_the_frame_after_a_lost_byte_is_received(
    damaged: Frame, good: Frame, data: st.DataObject
) -> None:
    encoded = encode_frame(damaged)
    at = data.draw(st.integers(0, len(encoded) - 2))
    reader = FrameReader()
    received = reader.feed(encoded[:at] + encoded[at + 1 :] + encode_frame(good))
    assert received[-1] == good


@given(st.binary(max_size=3000))
def test_garbage_before_a_frame_costs_only_itself(garbage: bytes) -> None:
    reader = FrameReader()
    reader.feed(garbage + DELIMITER)
    good = Frame(1, 2, b"payload")
    assert reader.feed(encode_frame(good)) == [good]


def test_a_frame_longer_than_any_is_bad_and_remembered_as_such() -> None:
    (found,) = FrameReader().feed(b"\x01" * 5000 + DELIMITER)
    assert isinstance(found, BadFrame)
    assert found.reason == "too long"


@pytest.mark.parametrize("encoded", [b"", b"\x01", b"\x05ab", b"\x02a"])
def test_what_is_too_short_is_bad(encoded: bytes) -> None:
    assert isinstance(decode_frame(encoded), BadFrame)


def test_delimiters_between_frames_are_ignored() -> None:
    frame = Frame(3, 4, b"")
    assert FrameReader().feed(DELIMITER * 5 + encode_frame(frame)) == [frame]


def test_an_unfinished_frame_is_pending() -> None:
    reader = FrameReader()
    reader.feed(b"\x05ab")
    assert reader.pending_bytes == 3
