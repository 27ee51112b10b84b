"""Figures and names as the page writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hil.record import RunRecord, RunResult
from hil.vocab import SHARES, Kind

ABSENT = "\u2013"
COMMIT_DIGITS = 12
# Controls, zero-width characters, bidirectional controls, halves of surrogate pairs (from names of
# files that are no UTF-8): nobody sees them, and they can make a text read as another one.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
    "\ud800-\udfff]"
)


@dataclass(frozen=True)
class Shown:
    """A figure as the page shows it, and why it is not there."""

    text: str
    why: str = ""

    @classmethod
    def of(cls, value: float | None, form: str, why: str = "") -> Shown:
        """`value` in a format, a unit may follow it; a dash with its reason where there is none."""
        if value is None:
            return cls(ABSENT, why)
        form, space, unit = form.partition(" ")
        return cls(f"{value:{form}}{space}{unit}")


def visible(text: str) -> str:
    r"""The text with what nobody would see written out, such as \u202e."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def commit_text(commit: str | None) -> str:
    """Its first digits, and whether files had changed since; "" outside a repository."""
    if commit is None:
        return ""
    return commit[:COMMIT_DIGITS] + ("+" if commit.endswith("+") else "")


def number(value: float | None) -> str:
    """With thousands separated; what is not there is a dash."""
    if value is None:
        return ABSENT
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"


def accuracy(value: float | None, metric: str | None) -> str:
    """Shares with four digits."""
    if value is None:
        return ABSENT
    return f"{value:.4f}" if metric in SHARES else f"{value:.5g}"


def run_name(run: RunResult, *, swept: bool) -> str:
    """A run for people; the kernel library where several are there."""
    return f"{run.model} ({run.kernels})" if swept else run.model


def is_swept(runs: list[RunResult]) -> bool:
    """Whether several kernel libraries are among the runs."""
    return len({run.kernels for run in runs}) > 1


def unit_of(record: RunRecord) -> str:
    """What the latency counts."""
    return record.condition.counter_unit.value


def counts_note(runs: list[RunResult]) -> str:
    """What must be said wherever counts of emulated boards are shown."""
    kinds = {run.record.kind for run in runs if run.record is not None}
    return "emulated: instruction counts, not time" if Kind.EMULATED in kinds else ""
