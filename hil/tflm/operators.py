"""Reads which operators a tree has, and how each is added, from the resolver in its sources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from hil.tflm.generation import KERNELS, MICRO, Operator

OLD_RESOLVER_TABLE = KERNELS / "all_ops_resolver.cc"
RESOLVER = MICRO / "micro_mutable_op_resolver.h"

_METHOD = re.compile(
    r"TfLiteStatus\s+(?P<method>Add\w+)\s*\((?P<parameters>[^{;]*?)\)\s*\{(?P<body>.*?)\n  \}", re.S
)
_BUILTIN = re.compile(r"AddBuiltin\(\s*BuiltinOperator_(\w+)")
_CUSTOM = re.compile(
    r'AddCustom\(\s*(?:"(?P<text>[^"]+)"|(?:\w+::)*(?P<function>GetString_\w+)\(\))'
)
_REGISTER = re.compile(r"\b((?:\w+::)*Register_\w+)\s*\(\)")
# Custom names that a function of the tree returns instead of standing in the resolver.
_NAME_FUNCTIONS = {"GetString_ETHOSU": "ethos-u"}


def without_comments(text: str) -> str:
    """C++ source without its comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)


def parse_resolver_table(text: str) -> dict[str, Operator]:
    """The operators in an `all_ops_resolver.cc` of mid-2020, with their highest versions."""
    entry = re.compile(
        r"AddBuiltin\(\s*BuiltinOperator_(\w+)\s*,\s*(Register_\w+)\(\)"
        r"(?:\s*,\s*(\d+))?(?:\s*,\s*(\d+))?\s*\)"
    )
    return {
        name: Operator(name, {"": register}, highest_version=int(last or first or 1))
        for name, register, first, last in entry.findall(without_comments(text))
    }


def read_resolver_table(root: Path) -> dict[str, Operator]:
    """The operators of a tree of mid-2020."""
    return parse_resolver_table((root / OLD_RESOLVER_TABLE).read_text(encoding="utf-8"))


def parse_resolver(text: str, typed: Mapping[str, frozenset[str]]) -> dict[str, Operator]:
    """The operators that a `micro_mutable_op_resolver.h` has a method for, by name.

    `typed` are the suffixes of registrations for certain types, by the general registration's name.
    """
    operators = {}
    for match in _METHOD.finditer(without_comments(text)):
        parameters, body = match["parameters"], match["body"]
        builtin, custom = _BUILTIN.search(body), _CUSTOM.search(body)
        register = _REGISTER.search(parameters) or _REGISTER.search(body)
        if register is None or (builtin is None and custom is None):
            continue  # the two methods that all others call
        if builtin is not None:
            name = builtin[1]
        else:
            assert custom is not None
            name = custom["text"] or _NAME_FUNCTIONS.get(custom["function"], "")
        if not name:
            continue
        takes_registration = "Registration" in parameters
        general = register[1].rpartition("::")[2]
        suffixes = sorted(typed.get(general, ())) if takes_registration else []
        operators[name] = Operator(
            name,
            {"": general} | {suffix: f"{general}_{suffix}" for suffix in suffixes},
            method=match["method"],
            is_custom=builtin is None,
        )
    return operators


def typed_registrations(headers: str) -> dict[str, frozenset[str]]:
    """Suffixes of the registrations for certain types that kernel headers declare."""
    found: dict[str, set[str]] = {}
    pattern = re.compile(r"\b(Register_\w+?)_((?:INT\d+)(?:_INT\d+)?)\s*\(\)")
    for general, suffix in pattern.findall(headers):
        found.setdefault(general, set()).add(suffix)
    return {general: frozenset(suffixes) for general, suffixes in found.items()}


def read_resolver(root: Path) -> dict[str, Operator]:
    """The operators of a tree whose resolver has a method for each.

    Registrations for certain types are those of the headers that the resolver includes: an image
    sees no others.
    """
    resolver = (root / RESOLVER).read_text(encoding="utf-8")
    headers = [
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted((root / KERNELS).glob("*.h"))
        if f'"{KERNELS.as_posix()}/{path.name}"' in resolver
    ]
    typed = typed_registrations(without_comments("\n".join(headers)))
    return parse_resolver(resolver, typed)
