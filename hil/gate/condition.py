"""Whether two runs may be compared, and which of their conditions forbid it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hil.errors import ConfigError, did_you_mean
from hil.gate.entry import BaselineEntry
from hil.gate.tree import told_tree
from hil.vocab import Kind

DATA, TOOLCHAIN, TFLM = "data", "toolchain", "tflm"
_FIELDS = (
    "core_clock_hz",
    "arena_placement",
    "code_placement",
    "protocol_major",
    "counter_unit",
)
KEYS = (*_FIELDS, DATA, TOOLCHAIN, TFLM)
HASH_DIGITS = 12


@dataclass(frozen=True)
class Difference:
    """A condition that differs: its key, and both values for people."""

    key: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.key}: {self.before} -> {self.after}"


def forbidding(
    before: BaselineEntry, after: BaselineEntry, accepted: Collection[str] = ()
) -> tuple[Difference, ...]:
    """The conditions that differ and are not accepted: none, and the two may be compared.

    Emulated boards count instructions, which another compiler simply issues otherwise: there the
    toolchain is a condition too. On silicon it is a suspect, for what a product would run is slower
    or faster with it. The TFLM tree is a condition everywhere: another one is another library.
    """
    found = [
        Difference(name, str(old), str(new))
        for name in _FIELDS
        if (old := getattr(before.condition, name)) != (new := getattr(after.condition, name))
    ]
    data = _data_digest(before, after), _data_digest(after, before)
    if data[0] != data[1]:
        found.append(Difference(DATA, data[0][:HASH_DIGITS], data[1][:HASH_DIGITS]))
    compilers = before.subject.toolchain, after.subject.toolchain
    if Kind.EMULATED in (before.kind, after.kind) and compilers[0] != compilers[1]:
        found.append(Difference(TOOLCHAIN, *compilers))
    if before.subject.tflm_digest != after.subject.tflm_digest:
        found.append(Difference(TFLM, told_tree(before.subject), told_tree(after.subject)))
    return tuple(difference for difference in found if difference.key not in accepted)


def _data_digest(entry: BaselineEntry, other: BaselineEntry) -> str:
    """Of the vectors as the suite gave them, where both runs know it: another quantization of the
    input makes other bytes of the same data.
    """
    if entry.condition.source_sha256 and other.condition.source_sha256:
        return entry.condition.source_sha256
    return entry.condition.data_sha256


def check_keys(keys: Collection[str]) -> None:
    """Raises ConfigError for a key that is no condition."""
    for key in keys:
        if key not in KEYS:
            raise ConfigError(f"there is no condition {key!r}", hint=did_you_mean(key, KEYS))
