"""The code of an image: its bytes and which function they belong to, read from the ELF."""

from __future__ import annotations

import shutil
import subprocess
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from hil.errors import BuildError

DEMANGLERS = ("arm-none-eabi-c++filt", "c++filt")
DEMANGLE_TIMEOUT_S = 20.0
PF_W = 2  # a segment that may be written to
THUMB = 1  # bit 0 of a function's address says that it is Thumb code


@dataclass(frozen=True)
class Function:
    """Code from `address` up to, not including, `end`."""

    address: int
    end: int
    name: str  # demangled where a demangler is installed


@dataclass(frozen=True)
class ImageCode:
    """The code in an ELF file that cannot change while it runs: what lies in flash."""

    segments: tuple[tuple[int, bytes], ...]
    functions: tuple[Function, ...]  # by address
    addresses: dict[str, int]  # of functions, by symbol

    def bytes_at(self, address: int, size: int) -> bytes | None:
        """`size` bytes of code, or None where the image has none."""
        for base, data in self.segments:
            if base <= address and address + size <= base + len(data):
                return data[address - base : address - base + size]
        return None

    def function_at(self, address: int) -> Function | None:
        """The function an address lies in."""
        index = bisect_right(self.functions, address, key=lambda function: function.address) - 1
        if index < 0 or address >= self.functions[index].end:
            return None
        return self.functions[index]

    def addresses_of(self, symbols: Sequence[str]) -> list[int]:
        """Where functions begin. Raises BuildError when one is not there."""
        missing = [symbol for symbol in symbols if symbol not in self.addresses]
        if missing:
            raise BuildError(
                f"the image has no function {', '.join(missing)}",
                hint="build it again: `hil build`",
            )
        return [self.addresses[symbol] for symbol in symbols]


def read_code(path: Path) -> ImageCode:
    """The code of an ELF file. Raises BuildError when it cannot be read or has no symbols."""
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            segments = tuple(
                (segment["p_vaddr"], segment.data())
                for segment in elf.iter_segments("PT_LOAD")
                if segment["p_filesz"] and not segment["p_flags"] & PF_W
            )
            table = elf.get_section_by_name(".symtab")
            symbols = [
                (symbol["st_value"] & ~THUMB, symbol["st_size"], symbol.name)
                for symbol in (table.iter_symbols() if table else ())
                if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF"
            ]
    except (OSError, ELFError) as error:
        raise BuildError(f"{path} is no ELF file: {error}") from error
    if not symbols:
        raise BuildError(f"{path} has no symbols", hint="build it without stripping them")
    return ImageCode(
        segments=segments,
        functions=_functions(symbols),
        addresses={name: address for address, _, name in symbols},
    )


def _functions(symbols: Sequence[tuple[int, int, str]]) -> tuple[Function, ...]:
    """One function for each address; of several names of one address the first by alphabet."""
    named: dict[int, tuple[int, str]] = {}
    for address, size, name in sorted(symbols, key=lambda symbol: (symbol[0], symbol[2])):
        known_size, known_name = named.get(address, (0, name))
        named[address] = (max(size, known_size), known_name)
    names = demangle([name for _, name in named.values()])
    starts = list(named)
    functions = []
    for address, following, name in zip(starts, [*starts[1:], None], names, strict=True):
        size = named[address][0]
        # Assembly without a size goes on to the next function.
        end = address + size if size else following or address
        functions.append(Function(address, min(end, following or end), name))
    return tuple(functions)


def demangle(names: Sequence[str]) -> list[str]:
    """C++ names as people write them; as they are when no demangler is installed."""
    program = next(filter(None, map(shutil.which, DEMANGLERS)), None)
    if program is None:
        return list(names)
    try:
        done = subprocess.run(
            [program],
            input="\n".join(names),
            capture_output=True,
            text=True,
            timeout=DEMANGLE_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return list(names)
    demangled = done.stdout.splitlines()
    return demangled if len(demangled) == len(names) else list(names)
