"""Who owns how much of an image: model, kernels, interpreter, harness, C library; by linker map."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from hil.firmware.image import ImageSizes


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
# More than padding between sections can be: something was not read.
ALIGNMENT_MAX_BYTES = 1024
_OWN_FILES = ("libharness.a", "identity.cc", "model.S")


@dataclass(frozen=True)
class Footprint:
    """Bytes in flash and of static RAM (variables, without stack and arena) by owner.

    What alignment adds belongs to no one. `kernel_flash_bytes` are the kernels' by source file,
    `code_bytes` those of all but the model by the name of the object file, as in
    `libm.a(s_exp.o)`.
    """

    flash_bytes: dict[Owner, int]
    ram_bytes: dict[Owner, int]
    kernel_flash_bytes: dict[str, int] = field(default_factory=dict)
    code_bytes: dict[str, int] = field(default_factory=dict)

    def doubt(self, sizes: ImageSizes) -> str:
        """Why these cannot be all owners of the image; "" when they are."""
        known = sum(self.flash_bytes.values())
        if sizes.flash_bytes - known <= ALIGNMENT_MAX_BYTES:
            return ""
        return (
            f"the linker map accounts for {known:,} of {sizes.flash_bytes:,} bytes: it is not "
            "written as GNU ld writes it"
        )


def read_footprint(image: Path, kernel_files: Collection[str]) -> Footprint:
    """The footprint of `image.elf`, from the `image.map` beside it.

    `kernel_files` are the names of TFLM's source files that hold kernels. Nobody owns anything
    when the map is not GNU ld's: see `doubt`.
    """
    text = image.with_name("image.map").read_text(encoding="utf-8", errors="replace")
    _, _, listed = text.partition("\nLinker script and memory map\n")
    body = re.sub(r"\n (\.[\w.$]+)\n\s+0x", r"\n \1 0x", listed)
    flash: Counter[Owner] = Counter()
    ram: Counter[Owner] = Counter()
    kernels: Counter[str] = Counter()
    code: Counter[str] = Counter()
    entries = [(int(match["address"], 16), match) for match in _ENTRY.finditer(body)]
    # Address 0: discarded, or debugging information.
    entries = sorted((each for each in entries if each[0]), key=lambda each: each[0])
    ends = [*(address for address, _ in entries[1:]), math.inf]
    for (address, match), end in zip(entries, ends, strict=False):
        section = match["section"]
        # Strings that another file has too are listed with their size, but take nothing here.
        size = int(min(int(match["size"], 16), end - address))
        owner = _owner(section, match["file"], kernel_files)
        if section.startswith((*_FLASH_SECTIONS, ".data")):
            flash[owner] += size
            if owner is not Owner.MODEL and size:
                code[match["file"].rpartition("/")[2]] += size
            member = _MEMBER.search(match["file"])
            if owner is Owner.KERNELS and member is not None and size:
                kernels[member["source"]] += size
        if section.startswith((*_RAM_SECTIONS, ".data")):
            ram[owner] += size
    return Footprint(dict(flash), dict(ram), dict(sorted(kernels.items())), dict(code))


def kernel_source(object_name: str) -> str | None:
    """The source file of TFLM behind an object file's name; None for one of others."""
    member = _MEMBER.search(object_name)
    return member["source"] if member is not None else None


def _owner(section: str, file: str, kernel_files: Collection[str]) -> Owner:
    if section == ".model":
        return Owner.MODEL
    if any(name in file for name in _OWN_FILES):
        return Owner.HARNESS
    member = _MEMBER.search(file)
    if member is not None:
        return Owner.KERNELS if member["source"] in kernel_files else Owner.INTERPRETER
    return Owner.INTERPRETER if "operators.cc" in file else Owner.LIBRARY
