"""Source files of operator units, as `operator_unit.h` says: one file for each operator.

It holds a unit for each registration of the operator. The linker leaves out those that a model does
not name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hil.tflm.generation import Generation, Operator

_NOT_IN_NAMES = re.compile(r"\W", re.ASCII)
SUFFIX = ".cc"


def unit_name(operator: Operator, registration: str) -> str:
    """The C++ name of the unit with that registration function."""
    general = operator.registrations.get("", "")
    typed = registration.removeprefix(general) if registration != general else ""
    return _name(operator) + typed


def unit_file_name(operator: Operator) -> str:
    """The name of the source file that defines an operator's units."""
    return f"operator_{_name(operator)}{SUFFIX}"


def write_units(folder: Path, generation: Generation, operators: Iterable[Operator]) -> list[Path]:
    """Writes the operators' source files into a new folder; their paths in the same order."""
    folder.mkdir()
    paths = []
    for operator in operators:
        path = folder / unit_file_name(operator)
        path.write_text(_text(generation, operator))
        paths.append(path)
    return paths


def _name(operator: Operator) -> str:
    return _NOT_IN_NAMES.sub(lambda each: f"_{ord(each[0]):x}_", operator.name)


def _text(generation: Generation, operator: Operator) -> str:
    code, custom = operator.name, "nullptr"
    if operator.is_custom:
        code, custom = "CUSTOM", f'"{operator.name}"'
    lines = ["// Generated.", '#include "operator_unit.h"', ""]
    for suffix in operator.registrations:
        added = generation.addition(operator, suffix)
        name = unit_name(operator, added.registration)
        lines.append(f"HIL_DEFINE_OPERATOR_UNIT({name}, {code}, {custom}, {added.expression})")
    return "\n".join(lines) + "\n"
