"""What the linker says of an image that does not fit the target, in the words of the user."""

from __future__ import annotations

import re

from hil.errors import UnsupportedModel
from hil.model.info import ModelInfo
from hil.target import Target

# GNU ld; the regions are named by hil.firmware.target_files.memory_script.
_OVERFLOW = re.compile(r"region [`'](\w+)' overflowed by (\d+) bytes")
_NO_ARENA = "no RAM is left for the arena"  # an ASSERT of sections.ld


def overflow_in(linker_text: str, model: ModelInfo, target: Target) -> UnsupportedModel | None:
    """Which memory of the target is too small, and by how much; None when that was not it."""
    excess = {name.lower(): int(count) for name, count in _OVERFLOW.findall(linker_text)}
    flash = target.placement.code
    if flash in excess:
        count = excess[flash]
        return UnsupportedModel(
            f"the image is {count:,} bytes larger than the flash of {target.name} "
            f"({target.flash.bytes:,} bytes)",
            step="link",
            hint=f"the model is {model.file_bytes:,} bytes of it: make it {count:,} bytes smaller, "
            "or take a target with more flash",
        )
    if excess:
        name, count = next(iter(excess.items()))
        size = target.memory[name].bytes if name in target.memory else target.ram_bytes
        return UnsupportedModel(
            f"the image's variables and stack are {count:,} bytes larger than {name} of "
            f"{target.name} ({size:,} bytes)",
            step="link",
            hint="take a target with more RAM, or place data in a larger memory in its file",
        )
    if _NO_ARENA in linker_text:
        return UnsupportedModel(
            f"{_NO_ARENA} on {target.name}",
            step="link",
            hint="take a target with more RAM, or place the arena in a larger memory in its file",
        )
    return None
