"""What of flash and RAM each run takes, as maps and in bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.errors import ConfigError
from hil.record import Metrics, RunRecord, RunResult
from hil.report.html.words import is_swept, run_name
from hil.target import Target, load_target

OWNERS = ("model", "kernels", "interpreter", "harness", "library")
ALL_RAM = "all"


@dataclass(frozen=True)
class Segment:
    """A piece of a memory; `share` is of the whole bar, 0 to 1."""

    name: str
    kind: str
    bytes: int
    share: float


@dataclass(frozen=True)
class MemoryMap:
    """One memory as a bar, in the order of addresses. `used` are the parts that are taken, with
    their share of all that is: next to a large memory they would be too thin to be seen.
    """

    title: str
    segments: tuple[Segment, ...]
    used: tuple[Segment, ...]
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
    targets = {name: _target(name) for name in {run.target for run in runs}}
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
    """Flash, then RAM from its lowest address on: stack, variables, arena."""
    metrics, place = record.metrics, record.condition.arena_placement
    flash = list(_flash(record, target.flash.bytes if target is not None else None))
    yield _map("flash", metrics.flash_bytes, flash, record.absent.get("flash_kernels_bytes", ""))
    static = list(_static(metrics))
    if static:
        used = sum(size for _, kind, size in static if kind != "free")
        # What is left of that memory is known only where the arena lies elsewhere.
        if target is not None and place not in (target.placement.data, ALL_RAM):
            taken = sum(size for _, _, size in static)
            rest = target.memory[target.placement.data].bytes - taken
            static.append(("padding, room of fault handlers, free", "free", rest))
        memory = f" ({target.placement.data})" if target is not None else ""
        yield _map(f"stack and variables{memory}", used, static, "")
    arena = list(_arena(metrics))
    if arena:
        yield _map(f"arena ({place})", metrics.arena_used_bytes, arena, "")


def _flash(record: RunRecord, size: int | None) -> Iterator[tuple[str, str, int]]:
    metrics, known = record.metrics, 0
    for owner in OWNERS:
        value = getattr(metrics, f"flash_{owner}_bytes")
        if value is not None:
            known += value
            yield owner, owner, value
    total = metrics.flash_bytes
    if total is None:
        return
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
        if used is None:
            yield "stack", "stack", metrics.stack_bytes
        else:
            yield "stack, never used", "free", metrics.stack_bytes - used
            yield "stack, used at most", "stack", used
    for name, value in (
        ("variables with a value (.data)", metrics.ram_data_bytes),
        ("variables of 0 (.bss)", metrics.ram_bss_bytes),
    ):
        if value:
            yield name, "static", value


def _map(
    what: str, used: int | None, pieces: Sequence[tuple[str, str, int]], note: str
) -> MemoryMap:
    whole = sum(size for _, _, size in pieces)
    title = what if used is None else f"{what}: {used:,} bytes"
    if used is not None and any(kind == "free" for _, kind, _ in pieces):
        title += f" of {whole:,}"
    taken = [piece for piece in pieces if piece[1] != "free"]
    return MemoryMap(title, _segments(pieces), _segments(taken), note)


def _segments(pieces: Sequence[tuple[str, str, int]]) -> tuple[Segment, ...]:
    whole = sum(size for _, _, size in pieces) or 1
    return tuple(Segment(name, kind, size, size / whole) for name, kind, size in pieces)
