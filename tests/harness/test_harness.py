"""The portable core of the firmware, compiled for the host with address and UB sanitizers."""

from __future__ import annotations

import binascii
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.errors import DeviceFault, LinkError
from hil.link.client import LinkClient
from hil.link.codes import AllocateStatus, MessageType, RejectReason, ResetCause, TraceFlag
from hil.link.frames import DELIMITER, BadFrame, Frame, FrameReader, encode_frame
from hil.link.messages import (
    Allocate,
    AllocateReply,
    Boot,
    Hello,
    HelloReply,
    Infer,
    InferReply,
    Memory,
    MemoryReply,
    Model,
    ModelReply,
    Operator,
    OperatorData,
    Read,
    ReadReply,
    Rejected,
    Sanity,
    SanityReply,
    Tensor,
    TensorReply,
    Trace,
    TraceReply,
    Write,
    WriteReply,
)
from hil.link.wire import MAX_PAYLOAD_BYTES, Message
from hil.sanity import KERNEL_RESULT
from tests.harness.harness import HarnessPort, build_harness

pytestmark = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("g++", "cmake", "ninja")), reason="no host compiler"
)

LARGE_BYTES = 3000


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_harness(tmp_path_factory.mktemp("harness"))


@pytest.fixture
def port(program: Path) -> Iterator[HarnessPort]:
    harness = HarnessPort(program)
    yield harness
    harness.close()


@pytest.fixture
def client(port: HarnessPort) -> LinkClient:
    link = LinkClient(port)
    link.hello(5)
    return link


@pytest.fixture
def allocated(client: LinkClient) -> LinkClient:
    assert client.request(Allocate(4096), AllocateReply).status == AllocateStatus.OK
    return client


def write_input(client: LinkClient, data: bytes) -> None:
    for offset in range(0, len(data), 1000):
        client.request(Write(0, offset, data[offset : offset + 1000]), WriteReply)


def receive(port: HarnessPort, count: int) -> list[Frame]:
    """The next `count` frames, whatever they are."""
    reader = FrameReader()
    frames: list[Frame] = []
    while len(frames) < count:
        data = port.read(5)
        assert data, f"only {len(frames)} frames came"
        for frame in reader.feed(data):
            assert not isinstance(frame, BadFrame)
            frames.append(frame)
    return frames


def send(port: HarnessPort, message: Message, sequence: int) -> None:
    port.write(encode_frame(Frame(message.TYPE, sequence, message.pack())))


def test_it_announces_itself(port: HarnessPort) -> None:
    (frame,) = receive(port, 1)
    assert Boot.unpack(frame.payload).reset_cause == ResetCause.POWER_ON


def test_hello_tells_who_it_is(port: HarnessPort) -> None:
    reply = LinkClient(port).hello(5)
    assert reply.target_name == "host"
    assert reply.build_id[:3] == bytes((1, 2, 3))
    assert reply.model_sha256[:3] == bytes((4, 5, 6))
    assert reply.core_clock_hz == 216_000_000


def test_model_facts(client: LinkClient) -> None:
    reply = client.request(Model(), ModelReply)
    assert (reply.model_bytes, reply.operators, reply.inputs, reply.outputs) == (1234, 5, 2, 2)
    assert reply.arena_capacity_bytes == 65536


@pytest.mark.parametrize(
    ("arena_bytes", "status"),
    [
        (0, AllocateStatus.OK),
        (64, AllocateStatus.OK),
        (65536, AllocateStatus.OK),
        (63, AllocateStatus.ARENA_BELOW_MINIMUM),
        (65537, AllocateStatus.ARENA_ABOVE_CAPACITY),
        (1000, AllocateStatus.FAILED),
        (1001, AllocateStatus.SCHEMA_VERSION),
    ],
)
def test_allocation_answers_at_once(
    client: LinkClient, arena_bytes: int, status: AllocateStatus
) -> None:
    reply = client.request(Allocate(arena_bytes), AllocateReply)
    assert reply.status == status
    assert reply.arena_bytes == (arena_bytes or 65536)
    if status is AllocateStatus.OK:
        assert reply.arena_head_bytes + reply.arena_tail_bytes == reply.arena_used_bytes
    if status is AllocateStatus.FAILED:
        assert client.log_text.endswith("Arena size is too small\n")


def test_tensors_are_described(allocated: LinkClient) -> None:
    reply = allocated.request(Tensor(1, 0), TensorReply)
    assert (reply.rank, reply.shape[:2], reply.bytes) == (2, (1, LARGE_BYTES), LARGE_BYTES)
    assert (reply.scale, reply.zero_point) == (0.5, -3)


def test_an_inference_computes_on_what_was_written(allocated: LinkClient) -> None:
    data = random.Random(1).randbytes(LARGE_BYTES)
    write_input(allocated, data)
    allocated.request(Write(1, 0, b"abcd"), WriteReply)
    reply = allocated.request(Infer(), InferReply)
    assert reply.invoke_status == 0
    assert reply.cycles == 0x123456789
    assert reply.input_crcs == (binascii.crc32(data), binascii.crc32(b"abcd"))
    parts = [
        allocated.request(Read(0, offset, 1000), ReadReply).tail
        for offset in range(0, LARGE_BYTES, 1000)
    ]
    assert b"".join(parts) == data[::-1]
    assert allocated.request(Read(1, 0, 4), ReadReply).tail == b"abcd"


def test_the_largest_frames_go_through(allocated: LinkClient) -> None:
    room = MAX_PAYLOAD_BYTES - Write.layout().size
    assert allocated.request(Write(0, 0, bytes(room)), WriteReply).written_bytes == room
    assert len(allocated.request(Read(0, 0, MAX_PAYLOAD_BYTES), ReadReply).tail) == 1024


def test_a_failed_invoke_says_so(allocated: LinkClient) -> None:
    write_input(allocated, b"\x7e" + bytes(LARGE_BYTES - 1))
    assert allocated.request(Infer(), InferReply).invoke_status == 1


def test_text_during_a_measurement_comes_after_it(allocated: LinkClient) -> None:
    write_input(allocated, b"\x7f" + bytes(LARGE_BYTES - 1))
    allocated.request(Infer(), InferReply)
    assert allocated.log_text == "during the measurement\n"


def test_too_much_text_during_a_measurement_is_cut(allocated: LinkClient) -> None:
    write_input(allocated, b"\x7c" + bytes(LARGE_BYTES - 1))
    allocated.request(Infer(), InferReply)
    assert len(allocated.log_text) == 256


def test_a_failed_check_is_reported_with_its_text(allocated: LinkClient) -> None:
    write_input(allocated, b"\x7d" + bytes(LARGE_BYTES - 1))
    with pytest.raises(DeviceFault, match="0x08001234") as caught:
        allocated.request(Infer(), InferReply)
    assert "last text: a check failed" in caught.value.detail


@pytest.mark.parametrize(
    "request_",
    [Tensor(0, 0), Write(0, 0, b"x"), Infer(), Read(0, 0, 1), Trace(0, 0, 0)],
    ids=lambda r: type(r).__name__,
)
def test_nothing_runs_before_it_is_allocated(client: LinkClient, request_: Message) -> None:
    with pytest.raises(LinkError, match="not allocated"):
        client.request(request_, ReadReply)


def test_a_failed_allocation_takes_the_earlier_one_away(allocated: LinkClient) -> None:
    allocated.request(Allocate(1000), AllocateReply)
    with pytest.raises(LinkError, match="not allocated"):
        allocated.request(Infer(), InferReply)


@pytest.mark.parametrize(
    "request_",
    [Tensor(0, 2), Tensor(1, 2), Tensor(2, 0), Write(2, 0, b"x"), Read(2, 0, 1)],
    ids=str,
)
def test_tensors_that_are_not_there(allocated: LinkClient, request_: Message) -> None:
    with pytest.raises(LinkError, match="no such tensor"):
        allocated.request(request_, ReadReply)


@pytest.mark.parametrize(
    "request_",
    [
        Write(0, LARGE_BYTES, b"x"),
        Write(0, LARGE_BYTES - 1, b"xy"),
        Write(0, 0xFFFFFFFF, b"xy"),
        Write(1, 2, b"abc"),
        Read(0, LARGE_BYTES, 1),
        Read(0, 0, MAX_PAYLOAD_BYTES + 1),
        Read(0, 0xFFFFFFF0, 32),
        Read(1, 0, 5),
    ],
    ids=str,
)
def test_bytes_outside_a_tensor(allocated: LinkClient, request_: Message) -> None:
    with pytest.raises(LinkError, match="out of range"):
        allocated.request(request_, ReadReply)


def test_a_trace_tells_of_each_operator(allocated: LinkClient) -> None:
    data = random.Random(2).randbytes(LARGE_BYTES)
    write_input(allocated, data)
    allocated.request(Write(1, 0, b"abcd"), WriteReply)
    reply = allocated.request(Trace(TraceFlag.CRC | TraceFlag.DATA, 0, 0), TraceReply)
    assert (reply.operators, reply.cycles, reply.wrapper_cycles) == (2, 201, 7)
    assert reply.input_crcs == (binascii.crc32(data), binascii.crc32(b"abcd"))
    told = allocated.take_observations()
    first, second = (o for o in told if isinstance(o, Operator))
    assert (first.index, first.cycles, first.output_bytes) == (0, 100, LARGE_BYTES)
    assert (first.input_crc, first.output_crc) == (binascii.crc32(data), binascii.crc32(data[::-1]))
    assert second.input_crc == second.output_crc == binascii.crc32(b"abcd")
    pieces = [o for o in told if isinstance(o, OperatorData)]
    assert {(o.index, o.output) for o in pieces} == {(0, 0)}
    assert [o.offset for o in pieces] == [0, 1012, 2024]
    assert b"".join(o.tail for o in pieces) == data[::-1]
    assert allocated.take_observations() == []


def test_a_trace_without_flags_tells_cycles_alone(allocated: LinkClient) -> None:
    allocated.request(Trace(0, 0, 1), TraceReply)
    told = allocated.take_observations()
    assert all(isinstance(o, Operator) and o.input_crc == o.output_crc == 0 for o in told)
    assert len(told) == 2


def test_memory_tells_what_was_touched(client: LinkClient) -> None:
    poisoned = client.request(Memory(1), MemoryReply)
    assert (poisoned.arena_bytes, poisoned.beyond_touched_bytes) == (0, 0)
    client.request(Allocate(4096), AllocateReply)
    reply = client.request(Memory(0), MemoryReply)
    assert (reply.arena_bytes, reply.arena_touched_bytes) == (4096, 12)
    assert reply.beyond_touched_bytes == 0
    assert (reply.stack_bytes, reply.stack_used_bytes) == (0, 0)  # no stack of ours here


def test_memory_tells_what_was_written_beyond_the_arena(client: LinkClient) -> None:
    client.request(Memory(1), MemoryReply)
    client.request(Allocate(2048), AllocateReply)
    reply = client.request(Memory(0), MemoryReply)
    assert (reply.arena_touched_bytes, reply.beyond_touched_bytes) == (12, 4)


def test_poison_takes_the_allocation_away(allocated: LinkClient) -> None:
    allocated.request(Memory(1), MemoryReply)
    with pytest.raises(LinkError, match="not allocated"):
        allocated.request(Infer(), InferReply)


def test_sanity_computes_the_fixed_kernel(client: LinkClient) -> None:
    reply = client.request(Sanity(100_000), SanityReply)
    assert reply.kernel_result == KERNEL_RESULT
    assert reply.spun_cycles > 0
    assert reply.kernel_cycles > 0
    assert (reply.caches, reply.flash_wait_states, reply.core_clock_hz) == (0, 0, 216_000_000)


@pytest.mark.parametrize("type_", [t for t in MessageType if t < 0x80])
def test_requests_of_the_wrong_size(port: HarnessPort, type_: MessageType) -> None:
    receive(port, 1)
    size = 3 if type_ is not MessageType.WRITE else 7
    port.write(encode_frame(Frame(type_, 9, bytes(size))))
    (frame,) = receive(port, 1)
    rejected = Rejected.unpack(frame.payload)
    assert frame.sequence == 9
    assert (rejected.request, rejected.reason) == (type_, RejectReason.BAD_SIZE)


@pytest.mark.parametrize("type_", [0, 0x0B, 0x7F, 0x81, 0xFF])
def test_requests_that_do_not_exist(port: HarnessPort, type_: int) -> None:
    receive(port, 1)
    port.write(encode_frame(Frame(type_, 9, b"")))
    (frame,) = receive(port, 1)
    assert Rejected.unpack(frame.payload).reason == RejectReason.UNKNOWN_TYPE


def test_a_damaged_frame_is_answered_at_once(port: HarnessPort) -> None:
    receive(port, 1)
    damaged = bytearray(encode_frame(Frame(Model.TYPE, 1, b"")))
    damaged[2] ^= 0x10
    port.write(bytes(damaged))
    (frame,) = receive(port, 1)
    assert (frame.type, frame.sequence) == (MessageType.REJECTED, 0)
    assert Rejected.unpack(frame.payload).reason == RejectReason.BAD_FRAME


def test_the_same_request_again_is_answered_again_not_served_again(port: HarnessPort) -> None:
    receive(port, 1)
    send(port, Allocate(4096), 1)
    for index, byte in ((0, 0), (1, 0)):
        send(port, Write(index, 0, bytes([byte])), 2 + index)
    send(port, Infer(), 4)
    send(port, Infer(), 4)
    *_, first, second = receive(port, 5)
    assert first == second  # served twice, the input CRCs would differ: Invoke spoils its input
    send(port, Infer(), 5)
    (third,) = receive(port, 1)
    assert third.payload != first.payload


def test_hello_is_always_served(port: HarnessPort) -> None:
    receive(port, 1)
    for nonce in (1, 2):
        send(port, Hello(nonce), 1)
        (frame,) = receive(port, 1)
        assert HelloReply.unpack(frame.payload).nonce == nonce


def test_a_line_longer_than_the_logs_comes_whole(client: LinkClient) -> None:
    client.request(Allocate(1000), AllocateReply)
    client.hello(5)
    assert "0123456789" * 30 + "Arena size" in client.log_text


def test_a_frame_too_short_for_its_crc_is_damaged(port: HarnessPort) -> None:
    receive(port, 1)
    port.write(b"\x04abc" + DELIMITER)
    (frame,) = receive(port, 1)
    assert Rejected.unpack(frame.payload).reason == RejectReason.BAD_FRAME


def test_it_survives_garbage_and_still_answers(port: HarnessPort) -> None:
    generator = random.Random(7)
    for _ in range(200):
        kind = generator.randrange(4)
        if kind == 0:
            port.write(generator.randbytes(generator.randrange(3000)))
        elif kind == 1:
            type_, size = generator.randrange(256), generator.randrange(MAX_PAYLOAD_BYTES + 1)
            frame = Frame(type_, generator.randrange(256), generator.randbytes(size))
            port.write(encode_frame(frame))
        elif kind == 2:
            frame = Frame(generator.randrange(1, 8), 3, generator.randbytes(12))
            mutant = bytearray(encode_frame(frame))
            mutant[generator.randrange(len(mutant))] = generator.randrange(256)
            port.write(bytes(mutant))
        else:
            port.write(DELIMITER * generator.randrange(5))
        while port.read(0):
            pass
    port.write(DELIMITER)
    client = LinkClient(port)
    assert client.hello(5).target_name == "host"
    port.close()
