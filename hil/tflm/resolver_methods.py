"""Which method of a tree's `MicroMutableOpResolver` adds an operator, read from its header."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The tree's own stub registers nothing under this name; the driver that a vendor links does.
VENDOR_METHODS = frozenset({"AddEthosU"})
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_METHOD = re.compile(
    r"TfLiteStatus\s+(?P<method>Add\w+)\((?P<parameters>[^{;]*)\)\s*\{\s*return\s+"
    r"(?:AddBuiltin\(\s*BuiltinOperator_(?P<builtin>\w+)|AddCustom\(\s*\"(?P<custom>\w+)\")"
)


def parse_methods(header: str) -> Mapping[str, str]:
    """Operator name -> method, of `micro_mutable_op_resolver.h` from 2021 on.

    Builtin operators are under their schema name (`CONV_2D`), custom ones under the name that a
    file holds (`SignalRfft`, `TFLite_Detection_PostProcess`).
    """
    text = _COMMENT.sub("", header)
    return {
        match["builtin"] or match["custom"]: match["method"]
        for match in _METHOD.finditer(text)
        if match["method"] not in VENDOR_METHODS
    }


def takes_registration(header: str) -> frozenset[str]:
    """Operators whose method takes a registration by reference: a typed one leaves other types out
    of flash.
    """
    text = _COMMENT.sub("", header)
    return frozenset(
        match["builtin"]
        for match in _METHOD.finditer(text)
        if match["builtin"] and "const TFLMRegistration&" in match["parameters"]
    )
