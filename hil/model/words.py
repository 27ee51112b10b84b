"""Numbers with their nouns."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 tensor`, `3 tensors`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
