"""What the operators of the 2024 tree take, as the table in docs/models.md."""

from __future__ import annotations

from collections.abc import Iterator

from hil.tflm.predicates import Ranks
from hil.tflm.rules_2024_quantization import (
    COMPARISONS,
    FIXED_OUTPUT,
    SAME_QUANTIZATION,
    SUMS,
    SYMMETRIC_INT16,
)
from hil.tflm.rules_2024_shapes import (
    BROADCASTS,
    CONSTANTS,
    MAX_CONCATENATION_INPUTS,
    MORE_DIMENSIONS,
    NEEDS_OPTIONS,
    RANKS,
)
from hil.tflm.rules_2024_state import LSTM, LSTM_TYPES
from hil.tflm.rules_2024_types import CMSIS_NN, REFERENCE, SIGNATURES, signatures

HEADER = (
    "| operator | types with `cmsis_nn` | more with `reference` | demands |",
    "|---|---|---|---|",
)
WITHOUT_TYPES = ("RESHAPE", "SQUEEZE", "VAR_HANDLE")


def operator_table() -> str:
    """The table in Markdown, sorted by operator, builtin ones first."""
    names = sorted({*SIGNATURES, *WITHOUT_TYPES, LSTM}, key=lambda n: (not n.isupper(), n))
    return "\n".join([*HEADER, *(_row(name) for name in names)]) + "\n"


def _row(name: str) -> str:
    known = [signature.text for signature in signatures(name, CMSIS_NN)]
    if name == LSTM:
        known = [
            f"activations {data}, weights {weights}, biases {bias}, cell {cell}".lower()
            for data, weights, bias, cell in LSTM_TYPES
            if data != "INT8"
        ]
    more = [s.text for s in signatures(name, REFERENCE) if s.text not in known]
    if name == LSTM:
        more = ["activations int8, weights int8, biases int32, cell int16"]
    cells = (name, _types(known) if known else "any", _types(more), "; ".join(_demands(name)))
    return f"| {' | '.join(cells)} |"


def _types(texts: list[str]) -> str:
    """Signatures with one type throughout are told by its name alone."""
    plain = [text for text in texts if _only_type(text)]
    mixed = [text.replace("|", "/") for text in texts if not _only_type(text)]
    names = [_only_type(text) for text in plain]
    return "<br>".join([*([", ".join(names)] if names else []), *mixed])


def _only_type(text: str) -> str:
    names = {part.strip(" ?.") for part in text.replace("->", ",").split(",") if part.strip()}
    only = names.pop() if len(names) == 1 else ""
    return "" if "|" in only else only


def _demands(name: str) -> Iterator[str]:
    for ranks in RANKS.get(name, ()):
        yield f"input {ranks.index}: {_dimensions(ranks)}"
    if name in BROADCASTS:
        spared = ", ".join(type_.lower() for type_ in MORE_DIMENSIONS.get(name, ()))
        yield f"broadcasts up to {BROADCASTS[name]} dimensions" + (
            f" ({spared}: 6)" if spared else ""
        )
    if name in CONSTANTS:
        yield f"constant: {', '.join(CONSTANTS[name].values())}"
    if name in SAME_QUANTIZATION:
        yield "same scale and zero point"
    for (operator, type_), (scale, zero_point) in FIXED_OUTPUT.items():
        if operator == name:
            yield f"{type_.lower()} output of scale 1/{round(1 / scale)}, zero point {zero_point}"
    if name in SYMMETRIC_INT16:
        yield "int16: zero point 0"
    if name in SUMS:
        yield "output scale not tiny"
    if name in COMPARISONS:
        yield "int8: scales below 1"
    if name == "CONCATENATION":
        yield f"up to {MAX_CONCATENATION_INPUTS} inputs, no activation"
    if name in NEEDS_OPTIONS:
        yield "its options"


def _dimensions(ranks: Ranks) -> str:
    if ranks.least == ranks.most:
        return f"{ranks.least} dimension{'' if ranks.least == 1 else 's'}"
    least = f"{ranks.least} to " if ranks.least else "up to "
    return f"{least}{ranks.most} dimension{'' if ranks.most == 1 else 's'}"
