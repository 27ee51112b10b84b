"""Who owns how much of an image: model, TFLM, C library, harness; read from the linker's map."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

HARNESS, TFLM, MODEL, LIBRARY = "harness", "tflm", "model", "library"
# An input section with its size and file, in one line or two: a long name stands alone.
_ENTRY = re.compile(
    r"^ (?P<section>\.[\w.$*]+|COMMON)\s+0x(?P<address>[0-9a-f]+)\s+0x(?P<size>[0-9a-f]+)"
    r" (?P<file>\S.*)$",
    re.M,
)
_FLASH_SECTIONS = (".text", ".rodata", ".vectors", ".model", ".init_array", ".ARM", ".note")
_RAM_SECTIONS = (".bss", "COMMON")


@dataclass(frozen=True)
class Footprint:
    """Bytes in flash and of static RAM (variables, without stack and arena) by owner."""

    flash_bytes: dict[str, int]
    ram_bytes: dict[str, int]


def read_footprint(linker_map: Path) -> Footprint:
    """The footprint in an `image.map`, which lies beside its image."""
    text = linker_map.read_text(encoding="utf-8", errors="replace")
    body = re.sub(r"\n (\.[\w.$]+)\n\s+0x", r"\n \1 0x", text[text.index("Linker script and") :])
    flash: Counter[str] = Counter()
    ram: Counter[str] = Counter()
    for match in _ENTRY.finditer(body):
        section, size = match["section"], int(match["size"], 16)
        if int(match["address"], 16) == 0 or size == 0:
            continue  # discarded, or debugging information
        owner = _owner(section, match["file"])
        if section.startswith(_FLASH_SECTIONS):
            flash[owner] += size
        elif section.startswith(".data"):
            flash[owner] += size
            ram[owner] += size
        elif section.startswith(_RAM_SECTIONS):
            ram[owner] += size
    return Footprint(dict(flash), dict(ram))


def _owner(section: str, file: str) -> str:
    if section == ".model":
        return MODEL
    if "libharness.a" in file or "identity.cc" in file or "model.S" in file:
        return HARNESS
    if "libtflm.a" in file or "resolver.cc" in file:
        return TFLM
    return LIBRARY
