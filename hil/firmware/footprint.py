"""Who owns how much of an image: model, kernels, interpreter, harness, C library; by linker map."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Owner(StrEnum):
    """Whose bytes they are."""

    MODEL = "model"
    KERNELS = "kernels"  # the operators' own code
    INTERPRETER = "interpreter"  # the rest of TFLM, and the resolver
    HARNESS = "harness"
    LIBRARY = "library"  # the compiler's and C's


# An input section with its size and file, in one line or two: a long name stands alone.
_ENTRY = re.compile(
    r"^ (?P<section>\.[\w.$*]+|COMMON)\s+0x(?P<address>[0-9a-f]+)\s+0x(?P<size>[0-9a-f]+)"
    r" (?P<file>\S.*)$",
    re.M,
)
_MEMBER = re.compile(r"libtflm\.a\((?P<source>.+)\.(?:o|obj)\)")
_FLASH_SECTIONS = (".text", ".rodata", ".vectors", ".model", ".init_array", ".ARM.exidx", ".note")
_RAM_SECTIONS = (".bss", "COMMON")
_OWN_FILES = ("libharness.a", "identity.cc", "model.S", "tracing.cc")


@dataclass(frozen=True)
class Footprint:
    """Bytes in flash and of static RAM (variables, without stack and arena) by owner.

    What alignment adds belongs to no one.
    """

    flash_bytes: dict[Owner, int]
    ram_bytes: dict[Owner, int]


def read_footprint(linker_map: Path, kernel_files: Collection[str]) -> Footprint:
    """The footprint in an `image.map`, which lies beside its image.

    `kernel_files` are the names of TFLM's source files that hold kernels.
    """
    text = linker_map.read_text(encoding="utf-8", errors="replace")
    body = re.sub(r"\n (\.[\w.$]+)\n\s+0x", r"\n \1 0x", text[text.index("Linker script and") :])
    flash: Counter[Owner] = Counter()
    ram: Counter[Owner] = Counter()
    end = 0
    for match in sorted(_ENTRY.finditer(body), key=lambda match: int(match["address"], 16)):
        section, address = match["section"], int(match["address"], 16)
        if address == 0:
            continue  # discarded, or debugging information
        # Strings that several files share are listed with all of them: the first one has them.
        size = max(0, address + int(match["size"], 16) - max(end, address))
        end = address + size if size else end
        owner = _owner(section, match["file"], kernel_files)
        if section.startswith(_FLASH_SECTIONS):
            flash[owner] += size
        elif section.startswith(".data"):
            flash[owner] += size
            ram[owner] += size
        elif section.startswith(_RAM_SECTIONS):
            ram[owner] += size
    return Footprint(dict(flash), dict(ram))


def _owner(section: str, file: str, kernel_files: Collection[str]) -> Owner:
    if section == ".model":
        return Owner.MODEL
    if any(name in file for name in _OWN_FILES):
        return Owner.HARNESS
    member = _MEMBER.search(file)
    if member is not None:
        return Owner.KERNELS if member["source"] in kernel_files else Owner.INTERPRETER
    return Owner.INTERPRETER if "resolver.cc" in file else Owner.LIBRARY
