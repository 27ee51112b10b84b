"""Every message of the link, declared once.

The host packs and unpacks with these; `c_header` turns them into the firmware's `protocol.h`, and
`docs/protocol.md` is checked against them. All integers are little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields

from hil.link.codes import MessageType
from hil.link.wire import (
    BUILD_ID_BYTES,
    MAX_RANK,
    MODEL_HASH_BYTES,
    TARGET_NAME_BYTES,
    Field,
    Message,
)


@dataclass(frozen=True)
class Hello(Message):
    """Who are you? The nonce must come back, so that no old image's bytes can pass."""

    TYPE = MessageType.HELLO
    LAYOUT = (Field("nonce", "I"),)
    nonce: int


@dataclass(frozen=True)
class HelloReply(Message):
    """Identity of the firmware: `core_clock_hz` is read from the clock registers."""

    TYPE = MessageType.HELLO_REPLY
    LAYOUT = (
        Field("protocol_major", "H"),
        Field("protocol_minor", "H"),
        Field("nonce", "I"),
        Field("core_clock_hz", "I"),
        Field("reset_cause", "I"),
        Field("build_id", "s", BUILD_ID_BYTES),
        Field("model_sha256", "s", MODEL_HASH_BYTES),
        Field("target", "s", TARGET_NAME_BYTES),
    )
    protocol_major: int
    protocol_minor: int
    nonce: int
    core_clock_hz: int
    reset_cause: int
    build_id: bytes
    model_sha256: bytes
    target: bytes

    @property
    def target_name(self) -> str:
        """The target the image was built for."""
        return self.target.split(b"\0")[0].decode("ascii", "replace")


@dataclass(frozen=True)
class Model(Message):
    """What is in the image?"""

    TYPE = MessageType.MODEL


@dataclass(frozen=True)
class ModelReply(Message):
    """Facts known before anything is allocated; sizes in bytes."""

    TYPE = MessageType.MODEL_REPLY
    LAYOUT = (
        Field("model_bytes", "I"),
        Field("schema_version", "I"),
        Field("operators", "I"),
        Field("inputs", "I"),
        Field("outputs", "I"),
        Field("arena_capacity_bytes", "I"),
        Field("arena_minimum_bytes", "I"),
    )
    model_bytes: int
    schema_version: int
    operators: int
    inputs: int
    outputs: int
    arena_capacity_bytes: int
    arena_minimum_bytes: int


@dataclass(frozen=True)
class Allocate(Message):
    """Make an interpreter in the first `arena_bytes` of the arena; 0 means all of it."""

    TYPE = MessageType.ALLOCATE
    LAYOUT = (Field("arena_bytes", "I"),)
    arena_bytes: int


@dataclass(frozen=True)
class AllocateReply(Message):
    """How it went, and what is used: head (activations) and tail (the interpreter's own)."""

    TYPE = MessageType.ALLOCATE_REPLY
    LAYOUT = (
        Field("status", "I"),
        Field("arena_bytes", "I"),
        Field("arena_used_bytes", "I"),
        Field("arena_head_bytes", "I"),
        Field("arena_tail_bytes", "I"),
    )
    status: int
    arena_bytes: int
    arena_used_bytes: int
    arena_head_bytes: int
    arena_tail_bytes: int


@dataclass(frozen=True)
class Tensor(Message):
    """What does this input or output look like?"""

    TYPE = MessageType.TENSOR
    LAYOUT = (Field("direction", "B"), Field("index", "B"))
    direction: int
    index: int


@dataclass(frozen=True)
class TensorReply(Message):
    """`tensor_type` is a TfLiteType; the first `rank` of `shape` count."""

    TYPE = MessageType.TENSOR_REPLY
    LAYOUT = (
        Field("tensor_type", "I"),
        Field("rank", "I"),
        Field("shape", "i", MAX_RANK),
        Field("bytes", "I"),
        Field("scale", "f"),
        Field("zero_point", "i"),
    )
    tensor_type: int
    rank: int
    shape: tuple[int, ...]
    bytes: int
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Write(Message):
    """Put the tail into input `index` from byte `offset` on."""

    TYPE = MessageType.WRITE
    LAYOUT = (Field("index", "I"), Field("offset", "I"))
    HAS_TAIL = True
    index: int
    offset: int
    tail: bytes


@dataclass(frozen=True)
class WriteReply(Message):
    """How many bytes were taken."""

    TYPE = MessageType.WRITE_REPLY
    LAYOUT = (Field("written_bytes", "I"),)
    written_bytes: int


@dataclass(frozen=True)
class Infer(Message):
    """Run the model once on what was written."""

    TYPE = MessageType.INFER


@dataclass(frozen=True)
class InferReply(Message):
    """`invoke_status` is a TfLiteStatus (0: done). The tail holds a CRC-32 of each whole input
    tensor as it was just before the run, 4 bytes each.
    """

    TYPE = MessageType.INFER_REPLY
    LAYOUT = (Field("invoke_status", "I"), Field("cycles", "Q"))
    HAS_TAIL = True
    invoke_status: int
    cycles: int
    tail: bytes

    @property
    def input_crcs(self) -> tuple[int, ...]:
        """CRC-32 of each input tensor. Raises ValueError when the tail is cut."""
        return _crcs(self)


def _crcs(reply: InferReply | TraceReply) -> tuple[int, ...]:
    if len(reply.tail) % 4:
        raise ValueError(f"{type(reply).__name__} ends in the middle of a CRC")
    return struct.unpack(f"<{len(reply.tail) // 4}I", reply.tail)


@dataclass(frozen=True)
class Read(Message):
    """Give `size` bytes of output `index` from byte `offset` on."""

    TYPE = MessageType.READ
    LAYOUT = (Field("index", "I"), Field("offset", "I"), Field("size", "I"))
    index: int
    offset: int
    size: int


@dataclass(frozen=True)
class ReadReply(Message):
    """The bytes asked for."""

    TYPE = MessageType.READ_REPLY
    HAS_TAIL = True
    tail: bytes


@dataclass(frozen=True)
class Trace(Message):
    """Run the model once with every operator wrapped; `flags` are TraceFlags.

    An Operator follows for each that ran, and OperatorData for those from `first` to `last`.
    """

    TYPE = MessageType.TRACE
    LAYOUT = (Field("flags", "I"), Field("first", "I"), Field("last", "I"))
    flags: int
    first: int
    last: int


@dataclass(frozen=True)
class TraceReply(Message):
    """`cycles` is the sum over the operators, `wrapper_cycles` what the wrapper adds to each.

    The tail holds the CRCs of the inputs, as in InferReply.
    """

    TYPE = MessageType.TRACE_REPLY
    LAYOUT = (
        Field("invoke_status", "I"),
        Field("operators", "I"),
        Field("cycles", "Q"),
        Field("wrapper_cycles", "I"),
    )
    HAS_TAIL = True
    invoke_status: int
    operators: int
    cycles: int
    wrapper_cycles: int
    tail: bytes

    @property
    def input_crcs(self) -> tuple[int, ...]:
        """CRC-32 of each input tensor. Raises ValueError when the tail is cut."""
        return _crcs(self)


@dataclass(frozen=True)
class Operator(Message):
    """Operator `index` has run. CRCs are 0 unless asked for.

    `input_crc` covers its inputs that are no constants, one after the other, just before it ran;
    `output_crc` its outputs just after.
    """

    TYPE = MessageType.OPERATOR
    LAYOUT = (
        Field("index", "I"),
        Field("invoke_status", "I"),
        Field("cycles", "I"),
        Field("input_crc", "I"),
        Field("output_crc", "I"),
        Field("output_bytes", "I"),
    )
    index: int
    invoke_status: int
    cycles: int
    input_crc: int
    output_crc: int
    output_bytes: int


@dataclass(frozen=True)
class OperatorData(Message):
    """Bytes of output `output` of operator `index`, from byte `offset` on."""

    TYPE = MessageType.OPERATOR_DATA
    LAYOUT = (Field("index", "I"), Field("output", "I"), Field("offset", "I"))
    HAS_TAIL = True
    index: int
    output: int
    offset: int
    tail: bytes


@dataclass(frozen=True)
class Memory(Message):
    """How much of arena and stack has been written to?

    With `poison` 1 both are first filled with a pattern, and whatever was allocated is gone.
    """

    TYPE = MessageType.MEMORY
    LAYOUT = (Field("poison", "I"),)
    poison: int


@dataclass(frozen=True)
class MemoryReply(Message):
    """Bytes that no longer hold the pattern, counted in words of 4.

    `arena_bytes` is what was allocated (0: nothing), `beyond_touched_bytes` what was written
    outside of it. `stack_bytes` is 0 where the stack cannot be told.
    """

    TYPE = MessageType.MEMORY_REPLY
    LAYOUT = (
        Field("arena_bytes", "I"),
        Field("arena_touched_bytes", "I"),
        Field("beyond_touched_bytes", "I"),
        Field("stack_bytes", "I"),
        Field("stack_used_bytes", "I"),
    )
    arena_bytes: int
    arena_touched_bytes: int
    beyond_touched_bytes: int
    stack_bytes: int
    stack_used_bytes: int


@dataclass(frozen=True)
class Sanity(Message):
    """Is the board fit to measure? Spins until the counter has advanced by `spin_cycles`."""

    TYPE = MessageType.SANITY
    LAYOUT = (Field("spin_cycles", "I"),)
    spin_cycles: int


@dataclass(frozen=True)
class SanityReply(Message):
    """`spun_cycles` is how far the counter got; `empty_window_cycles` what two readings of it cost.

    `kernel_cycles` is what a fixed integer computation took, `kernel_result` its answer. `caches`
    are Cache bits, `flash_wait_states` as the flash interface has them now.
    """

    TYPE = MessageType.SANITY_REPLY
    LAYOUT = (
        Field("spun_cycles", "I"),
        Field("empty_window_cycles", "I"),
        Field("kernel_cycles", "I"),
        Field("kernel_result", "I"),
        Field("caches", "I"),
        Field("flash_wait_states", "I"),
        Field("core_clock_hz", "I"),
    )
    spun_cycles: int
    empty_window_cycles: int
    kernel_cycles: int
    kernel_result: int
    caches: int
    flash_wait_states: int
    core_clock_hz: int


@dataclass(frozen=True)
class Rejected(Message):
    """A request was not served; `request` is its type, 0 when that could not be read."""

    TYPE = MessageType.REJECTED
    LAYOUT = (Field("request", "B"), Field("reason", "B"))
    request: int
    reason: int


@dataclass(frozen=True)
class Boot(Message):
    """The firmware listens from now on."""

    TYPE = MessageType.BOOT
    LAYOUT = (Field("reset_cause", "I"),)
    reset_cause: int


@dataclass(frozen=True)
class Log(Message):
    """Text, most of it TFLM's."""

    TYPE = MessageType.LOG
    HAS_TAIL = True
    tail: bytes

    @property
    def text(self) -> str:
        """The text, decoded."""
        return self.tail.decode("utf-8", "replace")


@dataclass(frozen=True)
class Crash(Message):
    """Registers at the moment the firmware stopped.

    `frame_valid` is 0 when the stack was unusable; r0 to xpsr are 0 then. `kind` is a CrashKind.
    """

    TYPE = MessageType.CRASH
    LAYOUT = (
        Field("kind", "I"),
        Field("frame_valid", "I"),
        Field("r0", "I"),
        Field("r1", "I"),
        Field("r2", "I"),
        Field("r3", "I"),
        Field("r12", "I"),
        Field("lr", "I"),
        Field("pc", "I"),
        Field("xpsr", "I"),
        Field("sp", "I"),
        Field("exc_return", "I"),
        Field("cfsr", "I"),
        Field("hfsr", "I"),
        Field("mmfar", "I"),
        Field("bfar", "I"),
    )
    kind: int
    frame_valid: int
    r0: int
    r1: int
    r2: int
    r3: int
    r12: int
    lr: int
    pc: int
    xpsr: int
    sp: int
    exc_return: int
    cfsr: int
    hfsr: int
    mmfar: int
    bfar: int


MESSAGES: tuple[type[Message], ...] = (
    Hello,
    HelloReply,
    Model,
    ModelReply,
    Allocate,
    AllocateReply,
    Tensor,
    TensorReply,
    Write,
    WriteReply,
    Infer,
    InferReply,
    Read,
    ReadReply,
    Trace,
    TraceReply,
    Memory,
    MemoryReply,
    Sanity,
    SanityReply,
    Rejected,
    Boot,
    Log,
    Crash,
    Operator,
    OperatorData,
)
BY_TYPE: dict[int, type[Message]] = {int(message.TYPE): message for message in MESSAGES}

for _message in MESSAGES:
    _declared = [f.name for f in fields(_message)]
    _laid_out = [f.name for f in _message.LAYOUT] + (["tail"] if _message.HAS_TAIL else [])
    if _declared != _laid_out:
        raise TypeError(f"{_message.__name__}: fields {_declared} but wire layout {_laid_out}")
