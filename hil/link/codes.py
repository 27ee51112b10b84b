"""What the numbers in messages stand for."""

from __future__ import annotations

from enum import IntEnum

REPLY_BIT = 0x80


class MessageType(IntEnum):
    """First byte of a frame. A reply is its request with the top bit set."""

    HELLO = 0x01
    MODEL = 0x02
    ALLOCATE = 0x03
    TENSOR = 0x04
    WRITE = 0x05
    INFER = 0x06
    READ = 0x07
    TRACE = 0x08
    MEMORY = 0x09
    SANITY = 0x0A
    HELLO_REPLY = 0x81
    MODEL_REPLY = 0x82
    ALLOCATE_REPLY = 0x83
    TENSOR_REPLY = 0x84
    WRITE_REPLY = 0x85
    INFER_REPLY = 0x86
    READ_REPLY = 0x87
    TRACE_REPLY = 0x88
    MEMORY_REPLY = 0x89
    SANITY_REPLY = 0x8A
    REJECTED = 0xBF  # the answer to any request that cannot be served
    BOOT = 0xC0  # unasked: the firmware has started
    LOG = 0xC1  # unasked: text
    CRASH = 0xC2  # unasked: the firmware has stopped
    OPERATOR = 0xC3  # between Trace and its reply: an operator has run
    OPERATOR_DATA = 0xC4  # between Trace and its reply: a piece of what it computed


class RejectReason(IntEnum):
    """Why a request was not served."""

    BAD_FRAME = 1  # damaged on the line: send it again
    UNKNOWN_TYPE = 2
    BAD_SIZE = 3
    NOT_ALLOCATED = 4
    NO_SUCH_TENSOR = 5
    OUT_OF_RANGE = 6


class AllocateStatus(IntEnum):
    """How an allocation went."""

    OK = 0
    FAILED = 1  # AllocateTensors failed; the log says why
    ARENA_BELOW_MINIMUM = 2
    ARENA_ABOVE_CAPACITY = 3
    SCHEMA_VERSION = 4


class Direction(IntEnum):
    """Which tensors of the model."""

    INPUT = 0
    OUTPUT = 1


class CrashKind(IntEnum):
    """What stopped the firmware: an exception number, or a failed check of TFLM."""

    CHECK = 0  # a TFLITE_CHECK failed; the log holds its text
    NMI = 2
    HARD_FAULT = 3
    MEM_MANAGE = 4
    BUS_FAULT = 5
    USAGE_FAULT = 6


class TraceFlag(IntEnum):
    """What a Trace tells of each operator besides its cycles."""

    CRC = 1  # of its inputs and outputs
    DATA = 2  # the outputs of operators `first` to `last`
    # Bytes that each operator's outputs are filled with before it runs.
    FILL_FIRST = 4
    FILL_SECOND = 8


class Cache(IntEnum):
    """Caches that are on."""

    INSTRUCTION = 1
    DATA = 2


class ResetCause(IntEnum):
    """Why the core was last reset."""

    UNKNOWN = 0
    POWER_ON = 1
    PIN = 2
    SOFTWARE = 3
    WATCHDOG = 4
