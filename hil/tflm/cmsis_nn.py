"""Whether a tree's CMSIS-NN and the kernels that call it are of one API: both change together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hil.tflm.generation import KERNELS
from hil.tflm.operators import without_comments

# The public header, as kernels of some time include it.
_INCLUDE = re.compile(r'^\s*#\s*include\s+"(?P<path>[^"]*arm_nn\w*\.h)"', re.M)
_NAME = re.compile(r"\b(arm_\w+)\s*\(")
_DIRECTIVE = re.compile(r"^[ \t]*#.*(?:\\\n.*)*$", re.M)
_OPENING, _CLOSING = "([{", ")]}"


def api_mismatches(
    root: Path, folder: str, headers: Iterable[Path], include_dirs: Sequence[str]
) -> list[str]:
    """Where the kernels in `kernels/FOLDER` do not fit CMSIS-NN: headers that they include and that
    are not there, functions that no header declares or that take another number of arguments.
    """
    declared = _declarations(headers)
    missing: dict[str, set[str]] = {}
    unknown: dict[str, set[str]] = {}
    other: dict[str, set[str]] = {}
    for path in sorted((root / KERNELS / folder).iterdir()):
        if path.suffix not in (".cc", ".cpp", ".h"):
            continue
        text = without_comments(path.read_text(encoding="utf-8", errors="replace"))
        for include in _INCLUDE.findall(text):
            if not any((root / each / include).is_file() for each in include_dirs):
                missing.setdefault(include, set()).add(path.name)
        for name, count in _calls(text):
            if name not in declared:
                unknown.setdefault(name, set()).add(path.name)
            elif count not in declared[name]:
                takes = " or ".join(map(str, sorted(declared[name])))
                what = f"{name} with {count} arguments, CMSIS-NN declares it with {takes}"
                other.setdefault(what, set()).add(path.name)
    return [
        *(
            f'{_files(files)} include "{name}", which is not there'
            for name, files in missing.items()
        ),
        *(f"{_files(files)} call {what}" for what, files in other.items()),
        *(
            f"{_files(files)} call {name}, which CMSIS-NN does not declare"
            for name, files in unknown.items()
        ),
    ]


def _files(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _declarations(headers: Iterable[Path]) -> dict[str, set[int]]:
    """The numbers of parameters that each function is declared with."""
    declared: dict[str, set[int]] = {}
    for path in headers:
        text = without_comments(path.read_text(encoding="utf-8", errors="replace"))
        for name, count in _calls(text):
            declared.setdefault(name, set()).add(count)
    return declared


def _calls(text: str) -> Iterator[tuple[str, int]]:
    """Names with the number of arguments in the parentheses after them."""
    text = _DIRECTIVE.sub("", text)
    for match in _NAME.finditer(text):
        count = _arguments(text, match.end())
        if count is not None:
            yield match[1], count


def _arguments(text: str, start: int) -> int | None:
    """The number of arguments from behind an opening parenthesis on; None without its end."""
    depth, commas = 1, 0
    for at in range(start, len(text)):
        character = text[at]
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
            if depth == 0:
                inside = text[start:at].strip()
                return 0 if inside in ("", "void") else commas + 1
        elif character == "," and depth == 1:
            commas += 1
    return None
