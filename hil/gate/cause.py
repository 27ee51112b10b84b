"""What may be behind a change: what of the subject is another, then which operators or owners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hil.gate.entry import BaselineEntry
from hil.gate.quantity import Dimension, Quantity
from hil.gate.tree import told_tree
from hil.record import OperatorFigures
from hil.vocab import Kind

HASH_DIGITS = 12
MOST_NAMED = 3
KERNELS = "kernels"
_OWNERS = ("model", KERNELS, "interpreter", "harness", "library")
_ARENA_PARTS = {"head (activations)": "arena_head_bytes", "tail (interpreter)": "arena_tail_bytes"}


def causes(quantity: Quantity, before: BaselineEntry, after: BaselineEntry) -> tuple[str, ...]:
    """What changed between two runs, likeliest first, and where the quantity's change lies."""
    subject = tuple(_subject(before, after)) or tuple(_without_a_subject(before, after))
    return (*subject, *_places(quantity, before, after))


# ---- the subject


def _subject(before: BaselineEntry, after: BaselineEntry) -> Iterator[str]:
    old, new = before.subject, after.subject
    if old.tflm_digest != new.tflm_digest:
        yield f"TFLM source: {told_tree(old)} -> {told_tree(new)}"
    if old.model_sha256 != new.model_sha256:
        yield f"model: {_short(old.model_sha256)} -> {_short(new.model_sha256)}"
        yield from _reshaped(before, after)
    if before.kernels != after.kernels:
        yield f"kernels: {before.kernels} -> {after.kernels}"
    if old.flags != new.flags:
        gone = [flag for flag in old.flags if flag not in new.flags]
        come = [flag for flag in new.flags if flag not in old.flags]
        yield f"flags: {' '.join(gone) or '(none)'} -> {' '.join(come) or '(none)'}"
    if old.toolchain != new.toolchain:
        yield f"toolchain: {old.toolchain} -> {new.toolchain}"
    if old.harness_digest != new.harness_digest:
        yield f"harness: {_short(old.harness_digest)} -> {_short(new.harness_digest)}"
    if old.source_commit != new.source_commit and old.build_id != new.build_id:
        yield f"source commit: {_commit(old.source_commit)} -> {_commit(new.source_commit)}"


def _short(digest: str) -> str:
    return digest[:HASH_DIGITS]


def _commit(commit: str | None) -> str:
    """A commit for people: its first digits, with the + of changed files."""
    if commit is None:
        return "none"
    return _short(commit) + ("+" if commit.endswith("+") else "")


def _reshaped(before: BaselineEntry, after: BaselineEntry) -> Iterator[str]:
    """Operators of another model that are not what they were."""
    old, new = before.operators or (), after.operators or ()
    if [o.name for o in old] != [o.name for o in new]:
        yield f"its operators: {len(old)} -> {len(new)}, of other types or in another order"
        return
    for was, now in zip(old, new, strict=True):
        if was.shape != now.shape or was.weights_bytes != now.weights_bytes:
            yield (
                f"operator {now.index} {now.name}: output {_shape(was)} -> {_shape(now)}, "
                f"weights {was.weights_bytes:,} -> {now.weights_bytes:,} bytes"
            )


def _shape(operator: OperatorFigures) -> str:
    return "x".join(map(str, operator.shape))


def _without_a_subject(before: BaselineEntry, after: BaselineEntry) -> Iterator[str]:
    """What is left to suspect when the same thing was measured twice."""
    if before.subject.build_id != after.subject.build_id:
        yield (
            f"image: {_short(before.subject.build_id)} -> {_short(after.subject.build_id)}, "
            "from the same model, kernels, flags, TFLM, harness and toolchain"
        )
        return
    yield "the image is the same one, bit for bit"
    if after.kind is Kind.HARDWARE:
        for name, what in (("fixed_kernel_cycles", "fixed kernel"), ("stack_used_bytes", "stack")):
            old, new = getattr(before.metrics, name), getattr(after.metrics, name)
            if old is not None and new is not None and old != new:
                yield f"the board: its {what} took {old:,}, now {new:,}"


# ---- where


@dataclass(frozen=True)
class _Part:
    """A part of a figure, and by how much it grew."""

    what: str
    before: int
    growth: int

    def text(self, whole: float) -> str:
        """With its share of the whole change, where it goes the same way."""
        share = f" ({self.growth / self.before:+.1%})" if self.before else ""
        of = f", {self.growth / whole:.0%} of the change" if whole * self.growth > 0 else ""
        return f"{self.what} {self.growth:+,}{share}{of}"


def _places(quantity: Quantity, before: BaselineEntry, after: BaselineEntry) -> Iterator[str]:
    """The parts that changed most, in the direction of the whole."""
    old, new = quantity.value(before), quantity.value(after)
    if old is None or new is None or old == new:
        return
    whole = new - old
    words = ("larger", "smaller")
    if quantity.dimension is Dimension.LATENCY:
        parts, words = list(_operators(before, after)), ("slower", "faster")
    elif quantity.name.startswith("flash"):
        parts = [*_owners(before, after)]
    elif quantity.name.startswith("arena"):
        parts = list(_arena(before, after))
    else:
        return
    same_way = [part for part in parts if part.growth * whole > 0]
    same_way.sort(key=lambda part: -abs(part.growth))
    word = words[0] if whole > 0 else words[1]
    for part in same_way[:MOST_NAMED]:
        yield f"{word}: {part.text(whole)}"


def _operators(before: BaselineEntry, after: BaselineEntry) -> Iterator[_Part]:
    old, new = before.operators, after.operators
    if old is None or new is None or [o.name for o in old] != [o.name for o in new]:
        return
    unit = after.counter_unit.value
    for was, now in zip(old, new, strict=True):
        yield _Part(f"operator {now.index} {now.name}, {unit}", was.count, now.count - was.count)


def _owners(before: BaselineEntry, after: BaselineEntry) -> Iterator[_Part]:
    """Owners of flash; in the place of all kernels each of their files, where both runs know."""
    files = list(_kernel_files(before, after))
    yield from files
    for owner in _OWNERS:
        if owner == KERNELS and files:
            continue
        old = getattr(before.metrics, f"flash_{owner}_bytes")
        new = getattr(after.metrics, f"flash_{owner}_bytes")
        if old is not None and new is not None:
            yield _Part(f"{owner}, bytes", old, new - old)


def _kernel_files(before: BaselineEntry, after: BaselineEntry) -> Iterator[_Part]:
    old, new = before.kernel_flash_bytes, after.kernel_flash_bytes
    if not old or not new:
        return
    for name in sorted({*old, *new}):
        yield _Part(f"{name}, bytes", old.get(name, 0), new.get(name, 0) - old.get(name, 0))


def _arena(before: BaselineEntry, after: BaselineEntry) -> Iterator[_Part]:
    for what, field in _ARENA_PARTS.items():
        old, new = getattr(before.metrics, field), getattr(after.metrics, field)
        if old is not None and new is not None:
            yield _Part(f"{what}, bytes", old, new - old)
