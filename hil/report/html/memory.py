"""What of flash and RAM each run takes, as maps and in bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.errors import ConfigError
from hil.record import Metrics, RunRecord, RunResult
from hil.report.html.words import is_swept, run_name
from hil.target import Target, load_target

OWNERS = ("model", "kernels", "interpreter", "harness", "library")


@dataclass(frozen=True)
class Segment:
    """A piece of a memory; `share` is of the whole bar, 0 to 1."""

    name: str
    kind: str
    bytes: int
    share: float


@dataclass(frozen=True)
class MemoryMap:
    """One memory as a bar, in the order of addresses."""

    title: str
    segments: tuple[Segment, ...]
    note: str


@dataclass(frozen=True)
class MemoryView:
    """One run."""

    id: str
    name: str
    maps: tuple[MemoryMap, ...]


def memory_views(runs: Sequence[RunResult]) -> list[MemoryView]:
    """One for each run with a result."""
    swept = is_swept(list(runs))
    targets = {run.target: _target(run.target) for run in runs}
    return [
        MemoryView(
            f"mem-{place}",
            run_name(run, swept=swept),
            tuple(_maps(run.record, targets[run.target])),
        )
        for place, run in enumerate(runs)
        if run.record is not None
    ]


def _target(name: str) -> Target | None:
    """The target's file; None where it is not at hand, and sizes of memories are not known."""
    try:
        return load_target(name)
    except ConfigError:
        return None


def _maps(record: RunRecord, target: Target | None) -> Iterator[MemoryMap]:
    metrics = record.metrics
    flash_size = target.flash.bytes if target is not None else None
    flash = list(_flash(record, flash_size))
    of = f" of {flash_size:,}" if flash_size is not None else ""
    title = f"flash: {metrics.flash_bytes:,} bytes{of}"
    yield _map(title, flash, record.absent.get("flash_kernels_bytes", ""))
    place = record.condition.arena_placement
    arena = list(_arena(metrics))
    if arena:
        whole = f" of {metrics.arena_capacity_bytes:,}" if metrics.arena_capacity_bytes else ""
        yield _map(f"arena ({place}): {metrics.arena_used_bytes:,} bytes{whole}", arena, "")
    static = list(_static(metrics))
    if static:
        yield _map("stack and variables, from the lowest address on", static, "")


def _flash(record: RunRecord, size: int | None) -> Iterator[tuple[str, str, int]]:
    metrics, known = record.metrics, 0
    for owner in OWNERS:
        value = getattr(metrics, f"flash_{owner}_bytes")
        if value is not None:
            known += value
            yield owner, owner, value
    total = metrics.flash_bytes or 0
    if total > known:
        name = "alignment" if metrics.flash_kernels_bytes is not None else "code"
        yield name, "other", total - known
    if size is not None and size > total:
        yield "free", "free", size - total


def _arena(metrics: Metrics) -> Iterator[tuple[str, str, int]]:
    head, tail = metrics.arena_head_bytes, metrics.arena_tail_bytes
    if head is None or tail is None:
        return
    yield "head: activations", "head", head
    if metrics.arena_capacity_bytes is not None:
        yield "free", "free", metrics.arena_capacity_bytes - head - tail
    yield "tail: interpreter", "tail", tail


def _static(metrics: Metrics) -> Iterator[tuple[str, str, int]]:
    if metrics.stack_bytes is not None:
        used = metrics.stack_used_bytes
        yield "stack, never used", "free", metrics.stack_bytes - (used or 0)
        if used is not None:
            yield "stack, used at most", "stack", used
    for name, value in ((".data", metrics.ram_data_bytes), (".bss", metrics.ram_bss_bytes)):
        if value:
            yield name, "static", value


def _map(title: str, pieces: Sequence[tuple[str, str, int]], note: str) -> MemoryMap:
    total = sum(size for _, _, size in pieces) or 1
    segments = tuple(Segment(n, kind, size, size / total) for n, kind, size in pieces)
    return MemoryMap(title, segments, note)
