"""One instruction: how it is written, encoded and executed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.emulator.thumb.machine import Machine

CONDITIONS = (
    "eq",
    "ne",
    "cs",
    "cc",
    "mi",
    "pl",
    "vs",
    "vc",
    "hi",
    "ls",
    "ge",
    "lt",
    "gt",
    "le",
    "al",
)


@dataclass(frozen=True)
class Instruction:
    """`execute` is not called when the instruction's condition fails.

    `code` holds one halfword or two. `text` has {c} where the condition goes, and {s} where an S
    goes outside of IT blocks only.
    """

    text: str
    code: tuple[int, ...]
    execute: Callable[[Machine], None]
    base: int | None = None  # the register that holds the address of an access
    ends_it_block: bool = False  # allowed as the last instruction only

    @property
    def size(self) -> int:
        """In bytes."""
        return 2 * len(self.code)

    @property
    def encoding(self) -> bytes:
        return b"".join(halfword.to_bytes(2, "little") for halfword in self.code)

    def written(self, condition: int | None = None) -> str:
        """In UAL; `condition` is the one of its IT block."""
        if condition is None:
            return self.text.format(c="", s="s")
        return self.text.format(c=CONDITIONS[condition], s="")


def register(number: int) -> str:
    return {13: "sp", 14: "lr", 15: "pc"}.get(number, f"r{number}")


def register_list(numbers: list[int]) -> str:
    """For a text that is formatted: its braces are doubled."""
    return "{{" + ", ".join(register(number) for number in sorted(numbers)) + "}}"


def register_mask(numbers: list[int]) -> int:
    return sum(1 << number for number in set(numbers))
