"""A built image: its identity, its segments and how large its parts are, read from the ELF."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.errors import BuildError
from hil.firmware.cache import file_sha256

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

MANIFEST_SECTION = ".hil_manifest"
BUILD_ID_SECTION = ".build_id"
BUILD_ID_BYTES = 20
NOTE_HEADER_BYTES = 16


@dataclass(frozen=True)
class ImageSizes:
    """Bytes of the image's parts. `flash_bytes` is what is programmed: all of the others that are
    in flash, and the initial values of variables.

    `text_bytes`, `model_bytes`, `data_bytes` and `bss_bytes` are sections of the ELF file; .text
    holds code and constants alike. `ram_static_bytes` are .data and .bss.
    """

    flash_bytes: int
    model_bytes: int
    code_bytes: int
    ram_static_bytes: int
    stack_bytes: int
    arena_capacity_bytes: int
    text_bytes: int
    data_bytes: int
    bss_bytes: int


@dataclass(frozen=True)
class Image:
    """An ELF file built for one target and one model."""

    path: Path
    build_id: bytes
    manifest: dict[str, Any]
    sizes: ImageSizes

    @property
    def build_id_hex(self) -> str:
        """The build id as hex digits, as `file` and `readelf -n` print it."""
        return self.build_id.hex()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the whole ELF file."""
        return file_sha256(self.path)


def read_image(path: Path) -> Image:
    """The image in an ELF file. Raises BuildError when it is none that hil built."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            manifest = json.loads(_section(elf, MANIFEST_SECTION, path))
            note = _section(elf, BUILD_ID_SECTION, path)
            return Image(
                path=path,
                build_id=note[NOTE_HEADER_BYTES : NOTE_HEADER_BYTES + BUILD_ID_BYTES],
                manifest=manifest,
                sizes=_sizes(elf),
            )
    except (OSError, ELFError, ValueError) as error:
        raise BuildError(
            f"{path} is no image: {error}", hint="build it with `hil build`"
        ) from error


def _section(elf: ELFFile, name: str, path: Path) -> bytes:
    section = elf.get_section_by_name(name)
    if section is None:
        raise BuildError(f"{path} was not built by hil: it has no {name}", hint="use `hil build`")
    data: bytes = section.data()
    return data


def _sizes(elf: ELFFile) -> ImageSizes:
    sections = {section.name: section["sh_size"] for section in elf.iter_sections()}
    symbols = elf.get_section_by_name(".symtab")
    address = {s.name: s["st_value"] for s in symbols.iter_symbols()}
    flash = sum(s["p_filesz"] for s in elf.iter_segments("PT_LOAD"))
    model = sections[".model"]
    return ImageSizes(
        flash_bytes=flash,
        model_bytes=model,
        code_bytes=flash - model,
        ram_static_bytes=sections.get(".data", 0) + sections.get(".bss", 0),
        stack_bytes=address["__stack_end"] - address["__stack_start"],
        arena_capacity_bytes=address["__arena_end"] - address["__arena_start"],
        text_bytes=sections[".text"],
        data_bytes=sections.get(".data", 0),
        bss_bytes=sections.get(".bss", 0),
    )
