"""How often each block of code was executed, as the board counts it and as it travels.

What travels: HEADER, then the mark of each segment (4 bytes; the first segment has none: 0), then
a BLOCK for each block of each segment. Little-endian.
"""

from __future__ import annotations

import ctypes as c
import struct
from dataclasses import dataclass

from hil.emulator.core import TracedBlock, TraceResult
from hil.errors import BenchError

MAX_TRACE_MARKS = 64  # as in core/core.h
MAX_TRACED_BLOCKS = 1 << 18
HEADER = struct.Struct("<QIII")  # instructions, segments, blocks, overflowed
BLOCK = struct.Struct("<IIIIQ")  # TracedBlock


@dataclass(frozen=True)
class BlockCount:
    """Straight-line code of `size` bytes and how often it was executed in one segment."""

    address: int
    size: int
    segment: int
    instructions: int  # that the block holds
    executions: int


@dataclass(frozen=True)
class BlockTrace:
    """All that was executed between two moments.

    `marks[i]` is the address whose execution began segment i, None for the first segment.
    `instructions` is what the board's own counter advanced by meanwhile: the sum over the blocks.
    """

    instructions: int
    marks: tuple[int | None, ...]
    blocks: tuple[BlockCount, ...]


def pack_trace(result: TraceResult) -> bytes:
    """The bytes that travel."""
    header = HEADER.pack(result.instructions, result.segments, result.blocks, result.overflowed)
    marks = c.string_at(result.segment_marks, result.segments * c.sizeof(c.c_uint32))
    return header + marks + c.string_at(result.traced_blocks, result.blocks * c.sizeof(TracedBlock))


def unpack_trace(data: bytes) -> BlockTrace:
    """The trace in bytes that `pack_trace` made.

    Raises BenchError when it was too long, or does not add up to the board's own counter.
    """
    instructions, segments, block_count, overflowed = HEADER.unpack_from(data)
    if overflowed:
        raise BenchError(
            f"the trace holds more than {block_count} blocks, and is not complete",
            hint="trace a shorter stretch: one inference, not several",
        )
    end_of_marks = HEADER.size + 4 * segments
    marks = struct.unpack_from(f"<{segments}I", data, HEADER.size)
    blocks = tuple(BlockCount(*fields) for fields in BLOCK.iter_unpack(data[end_of_marks:]))
    counted = sum(block.instructions * block.executions for block in blocks)
    if counted != instructions or len(blocks) != block_count:
        raise BenchError(
            f"the trace adds up to {counted} instructions, the board executed {instructions}"
        )
    return BlockTrace(instructions, (None, *marks[1:]), blocks)
