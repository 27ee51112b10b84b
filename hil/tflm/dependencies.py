"""Which source files of a tree a model needs, so that only those are compiled.

Read from the text: a file needs those that define a function or table whose name stands in it or in
the headers beside it. Names inside anonymous namespaces are the file's own. If this overlooks a
file, the linker reports it, and then everything is compiled (`hil.firmware.stages`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from hil.tflm.operators import without_comments

_WORD = re.compile(r"\b[A-Za-z_]\w*\b")
_FUNCTION = re.compile(
    r"^(?!static\b)[A-Za-z_][\w:<>,*&\s]*?\b(\w+)\s*\([^;{}()]*(?:\([^()]*\)[^;{}()]*)*\)\s*(?:const\s*)?\{",
    re.M,
)
_TABLE = re.compile(
    r"^(?!static\b)(?:extern\s+)?(?:const|constexpr|alignas)[^;={}()]*?\b(\w+)\s*(?:\[[^\]]*\]\s*)+=",
    re.M,
)
_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
_REGISTER = re.compile(r"Register_\w+")
# Many kernels define functions of these names, each for itself; the LSTM's FullyConnected has the
# name of an operator's.
_EVERYONES = frozenset(
    {"Init", "Prepare", "Eval", "EvalInt8", "EvalInt16", "EvalFloat", "Free", "FullyConnected"}
)


@dataclass(frozen=True)
class _Source:
    path: Path
    root: Path

    @cached_property
    def text(self) -> str:
        return without_comments(self.path.read_text(encoding="utf-8", errors="replace"))

    @cached_property
    def includes(self) -> list[Path]:
        """The included files that lie in the tree."""
        found = (
            folder / name
            for name in _INCLUDE.findall(self.text)
            for folder in (self.root, self.path.parent, self.root / "third_party/kissfft")
        )
        return [path for path in found if path.is_file()]

    @cached_property
    def defines(self) -> set[str]:
        """Names with external linkage that it defines; those of included C files are its own."""
        text = _without_anonymous_namespaces(self.text)
        names = {*_FUNCTION.findall(text), *_TABLE.findall(text)} - _EVERYONES
        for path in self.includes:
            if path.suffix in (".c", ".cc", ".cpp"):
                names |= _source(path, self.root).defines
        return names

    @cached_property
    def uses(self) -> set[str]:
        return set(_WORD.findall(self.text))


def _source(path: Path, root: Path) -> _Source:
    """A file as it is now: what was read of it before serves again until it changes."""
    status = path.stat()
    return _read_source(path, root, status.st_size, status.st_mtime_ns)


@cache
def _read_source(path: Path, root: Path, _size: int, _changed_ns: int) -> _Source:
    return _Source(path, root)


def needed_sources(
    core: Iterable[Path], kernels: list[Path], registrations: Iterable[str], root: Path
) -> list[Path]:
    """Those of `kernels` that `core` and the registration functions need, in their given order."""
    sources = {path: _source(path, root) for path in kernels}
    owners: dict[str, list[Path]] = {}
    for path, source in sources.items():
        for name in source.defines:
            owners.setdefault(name, []).append(path)
    folders = {path.parent for path in kernels}
    wanted = set(registrations)
    for path in core:
        wanted |= _source(path, root).uses
    headers: dict[Path, set[str]] = {}
    needed: set[Path] = set()
    while True:
        new = {path for name in wanted for path in owners.get(name, ())} - needed
        if not new:
            return [path for path in kernels if path in needed]
        needed |= new
        wanted = set()
        for path in new:
            wanted |= sources[path].uses
            for header in sources[path].includes:
                # Templates and inline functions; what a header only declares is mostly used too.
                if header.parent in folders:
                    headers.setdefault(header, _header_uses(header, root))
                    wanted |= headers[header]


def defining_sources(sources: Iterable[Path], name: str, root: Path) -> list[Path]:
    """Those of `sources` that define a function of this name themselves."""
    return [path for path in sources if name in _source(path, root).defines]


def _header_uses(header: Path, root: Path) -> set[str]:
    """Names in a header, but for the registration functions that it declares."""
    return {name for name in _source(header, root).uses if not _REGISTER.fullmatch(name)}


def _without_anonymous_namespaces(text: str) -> str:
    kept, at = [], 0
    for match in re.finditer(r"\bnamespace\s*\{", text):
        if match.start() < at:
            continue  # inside the one before
        kept.append(text[at : match.start()])
        depth, at = 1, match.end()
        for brace in re.finditer(r"[{}]", text[at:]):
            depth += 1 if brace[0] == "{" else -1
            if depth == 0:
                at += brace.end()
                break
        else:
            at = len(text)
    kept.append(text[at:])
    return "".join(kept)
