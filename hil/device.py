"""What a flashed board can be asked."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hil.bench.board import Board
from hil.data import Array
from hil.errors import DataError, DeviceFault, LinkError, UnsupportedModel
from hil.firmware.image import Image
from hil.link.client import LinkClient
from hil.link.codes import AllocateStatus, Direction
from hil.link.host import HOST, Host
from hil.link.log import FrameLog
from hil.link.messages import (
    Allocate,
    AllocateReply,
    HelloReply,
    Infer,
    InferReply,
    Memory,
    MemoryReply,
    Model,
    ModelReply,
    Read,
    ReadReply,
    Sanity,
    SanityReply,
    Tensor,
    TensorReply,
    TraceReply,
    Write,
    WriteReply,
)
from hil.link.wire import MAX_PAYLOAD_BYTES
from hil.model.info import ModelInfo
from hil.target import Target

HELLO_TIMEOUT_S = 5.0
ALLOCATE_TIMEOUT_S = 30.0
MEMORY_TIMEOUT_S = 30.0
WRITE_CHUNK_BYTES = MAX_PAYLOAD_BYTES - Write.layout().size


@dataclass(frozen=True)
class Inference:
    """One run of the model: each output tensor's bytes, and what the cycle counter said."""

    outputs: tuple[bytes, ...]
    cycles: int


class Device:
    """A board that runs one of our images. Every answer is checked against what was asked."""

    def __init__(self, client: LinkClient) -> None:
        self._client = client
        self._inputs: tuple[TensorReply, ...] = ()
        self._outputs: tuple[TensorReply, ...] = ()
        self._arena: AllocateReply | None = None
        self._before_each: Callable[[], None] | None = None

    @property
    def client(self) -> LinkClient:
        """The link it is reached by."""
        return self._client

    @property
    def arena(self) -> AllocateReply:
        """What the last `allocate` used."""
        assert self._arena is not None
        return self._arena

    @property
    def inputs(self) -> tuple[TensorReply, ...]:
        """Its input tensors, after `allocate`."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorReply, ...]:
        """Its output tensors, after `allocate`."""
        return self._outputs

    def hello(self, image: Image, target: Target, timeout_s: float = HELLO_TIMEOUT_S) -> HelloReply:
        """Makes sure that `image` runs, on `target`, at the clock it should. Raises LinkError."""
        reply = self._client.hello(timeout_s)
        if reply.build_id != image.build_id:
            raise LinkError(
                f"another image answers: build {reply.build_id.hex()[:12]}, "
                f"not {image.build_id_hex[:12]}",
                hint="was the board programmed? is this port the board with that probe?",
                step="hello",
            )
        if reply.target_name != target.name:
            raise LinkError(
                f"the image is for {reply.target_name}, not {target.name}", step="hello"
            )
        if reply.core_clock_hz != target.clock.core_clock_hz:
            raise LinkError(
                f"the core runs at {reply.core_clock_hz:,} Hz, "
                f"not at {target.clock.core_clock_hz:,} Hz as the target says",
                hint="check the clock table of the target file against the board's oscillator",
                step="hello",
            )
        return reply

    def model(self) -> ModelReply:
        """Facts of the model in the image."""
        return self._client.request(Model(), ModelReply)

    def allocate(self, arena_bytes: int = 0) -> AllocateReply:
        """Makes an interpreter in the first `arena_bytes` of the arena (0: all of it).

        Raises UnsupportedModel with TFLM's own words when it refuses.
        """
        text_before = len(self._client.log_text)
        reply = self._client.request(
            Allocate(arena_bytes), AllocateReply, timeout_s=ALLOCATE_TIMEOUT_S, may_take_long=True
        )
        if reply.status != AllocateStatus.OK:
            raise _allocate_error(reply, self._client.log_text[text_before:])
        facts = self.model()
        self._inputs = tuple(self._tensor(Direction.INPUT, i) for i in range(facts.inputs))
        self._outputs = tuple(self._tensor(Direction.OUTPUT, i) for i in range(facts.outputs))
        self._arena = reply
        return reply

    def reset(self) -> None:
        """Brings a model with state back to its beginning: a new interpreter in the same arena.

        TFLM's own Reset is not enough for variables that CALL_ONCE sets: it clears them, and does
        not run the initialization again. Raises as `allocate`.
        """
        text_before = len(self._client.log_text)
        reply = self._client.request(
            Allocate(self.arena.arena_bytes),
            AllocateReply,
            timeout_s=ALLOCATE_TIMEOUT_S,
            may_take_long=True,
        )
        if reply.status != AllocateStatus.OK:
            raise _allocate_error(reply, self._client.log_text[text_before:])

    def _tensor(self, direction: Direction, index: int) -> TensorReply:
        return self._client.request(Tensor(direction, index), TensorReply)

    def infer(
        self,
        inputs: Sequence[bytes],
        timeout_s: float,
        is_working: Callable[[], bool] | None = None,
    ) -> Inference:
        """Writes every input, runs the model once, reads every output.

        At the deadline of the run `is_working` is asked whether to go on waiting.

        Raises DataError when they do not fit the model, LinkError when the device computed on
        other bytes than these, DeviceFault when the model failed.
        """
        self.write_inputs(inputs)
        text_before = len(self._client.log_text)
        reply = self._client.request(
            Infer(), InferReply, timeout_s=timeout_s, may_take_long=True, is_working=is_working
        )
        check_inference(reply, inputs, self._client.log_text[text_before:])
        if reply.cycles == 0:
            raise LinkError(
                "the cycle counter stands still: no latency of this board can be believed",
                hint="is a debugger attached that switched tracing off?",
                step="infer",
            )
        outputs = tuple(self._read(i, tensor.bytes) for i, tensor in enumerate(self._outputs))
        return Inference(outputs, reply.cycles)

    def before_each_inference(self, action: Callable[[], None]) -> None:
        """Has `action` called whenever the inputs of an inference are about to be written."""
        self._before_each = action

    def write_inputs(self, inputs: Sequence[bytes]) -> None:
        """Writes every input tensor. Raises DataError when they do not fit the model."""
        if self._before_each is not None:
            self._before_each()
        wanted = [tensor.bytes for tensor in self._inputs]
        if [len(data) for data in inputs] != wanted:
            raise DataError(
                f"the model takes inputs of {wanted} bytes, given are {[len(d) for d in inputs]}",
                hint="use the dtype of the model's inputs, as in x.astype(np.int8).tobytes()",
            )
        for index, data in enumerate(inputs):
            self._write(index, data)

    def memory(self, *, poison: bool = False) -> MemoryReply:
        """What of arena and stack has been written to since they were last filled with a pattern.

        With `poison` they are filled now, and what was allocated is gone.
        """
        return self._client.request(
            Memory(int(poison)), MemoryReply, timeout_s=MEMORY_TIMEOUT_S, may_take_long=True
        )

    def sanity(self, spin_cycles: int, timeout_s: float) -> SanityReply:
        """What the board says of its counter, clock and caches, after spinning for so long."""
        return self._client.request(
            Sanity(spin_cycles), SanityReply, timeout_s=timeout_s, may_take_long=True
        )

    def _write(self, index: int, data: bytes) -> None:
        for offset in range(0, len(data), WRITE_CHUNK_BYTES):
            chunk = data[offset : offset + WRITE_CHUNK_BYTES]
            reply = self._client.request(Write(index, offset, chunk), WriteReply)
            if reply.written_bytes != len(chunk):
                raise LinkError(
                    f"{reply.written_bytes} of {len(chunk)} bytes were written", step="write"
                )

    def _read(self, index: int, size: int) -> bytes:
        parts = []
        for offset in range(0, size, MAX_PAYLOAD_BYTES):
            wanted = min(MAX_PAYLOAD_BYTES, size - offset)
            reply = self._client.request(Read(index, offset, wanted), ReadReply)
            if len(reply.tail) != wanted:
                raise LinkError(f"{len(reply.tail)} of {wanted} bytes were read", step="read")
            parts.append(reply.tail)
        return b"".join(parts)

    def close(self) -> None:
        """Lets go of the port."""
        self._client.close()


def start_device(
    board: Board,
    image: Image,
    target: Target,
    frame_log: FrameLog | None = None,
    host: Host = HOST,
) -> Device:
    """Programs `image`, resets the board, and gives the device greeted and allocated.

    Raises HilError; the port is released then.
    """
    board.flasher.program(image.path)
    # Opened before the reset, so that nothing the firmware says is missed.
    device = Device(LinkClient(board.open_port(), frame_log=frame_log, host=host))
    try:
        board.flasher.reset()
        device.hello(image, target)
        device.allocate()
    except BaseException:
        device.close()
        raise
    return device


def outputs_as_arrays(model: ModelInfo, rows: Sequence[tuple[bytes, ...]]) -> tuple[Array, ...]:
    """Outputs of N vectors: for each output tensor an array of N x its shape, in its dtype."""
    outputs = []
    for index, tensor in enumerate(model.output_tensors):
        joined = b"".join(row[index] for row in rows)
        array = np.frombuffer(joined, np.dtype(tensor.numpy_dtype or "uint8"))
        outputs.append(array.reshape(len(rows), *tensor.shape))
    return tuple(outputs)


def check_inference(reply: InferReply | TraceReply, inputs: Sequence[bytes], said: str) -> None:
    """Raises DeviceFault when the model failed, LinkError when it ran on other inputs."""
    if reply.invoke_status:
        raise DeviceFault(
            f"Invoke failed with status {reply.invoke_status}", detail=said.strip(), step="infer"
        )
    if reply.input_crcs != tuple(binascii.crc32(data) for data in inputs):
        raise LinkError(
            "the device computed on other inputs than were sent",
            hint="bytes changed on their way into the tensor",
            step="infer",
        )


def _allocate_error(reply: AllocateReply, text: str) -> UnsupportedModel:
    reasons = {
        AllocateStatus.FAILED: "AllocateTensors failed on the device",
        AllocateStatus.ARENA_BELOW_MINIMUM: "the arena is smaller than the interpreter itself",
        AllocateStatus.ARENA_ABOVE_CAPACITY: "the target has no arena of that size",
        AllocateStatus.SCHEMA_VERSION: "the model's schema version is not TFLM's",
    }
    known = reply.status in list(AllocateStatus)
    reason = reasons[AllocateStatus(reply.status)] if known else f"status {reply.status}"
    said = " ".join(line.strip() for line in text.splitlines() if line.strip())
    return UnsupportedModel(
        f"{reason} (arena of {reply.arena_bytes:,} bytes)" + (f": {said}" if said else ""),
        hint="a smaller model, or a target with a larger arena" if "rena" in said else "",
        step="allocate",
    )
