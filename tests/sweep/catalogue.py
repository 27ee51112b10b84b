"""Every operator of the 2024 tree, who draws its models, and in which types."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.sweep import control, elementwise, layers, recurrent, shaping, signals
from tests.sweep.draft import TYPES, Draft, Drawn
from tests.sweep.elementwise import Family

FAMILIES: dict[str, Family] = {
    **elementwise.FAMILIES,
    **layers.FAMILIES,
    **shaping.FAMILIES,
    **control.FAMILIES,
    **recurrent.FAMILIES,
    **signals.FAMILIES,
}
# Types that are drawn where not all are: no kernel anywhere takes the others.
OWN_TYPES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"), layers.LAYER_TYPES
    ),
    **dict.fromkeys(("LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT"), ("BOOL",)),
    **dict.fromkeys(("DEQUANTIZE",), ("INT8", "UINT8", "INT16")),
    **dict.fromkeys(("QUANTIZE",), ("FLOAT32", "INT8", "UINT8", "INT16")),
    "BROADCAST_ARGS": ("INT32", "INT64"),
    **control.TYPES,
    **recurrent.TYPES,
    **signals.TYPES,
}


@dataclass(frozen=True, order=True)
class Kind:
    """A row of the table: an operator and its main type."""

    operator: str
    type: str


def kinds() -> list[Kind]:
    """All of them, sorted."""
    return sorted(
        Kind(operator, type_) for operator in FAMILIES for type_ in OWN_TYPES.get(operator, TYPES)
    )


def draw(kind: Kind, seed: int) -> Iterator[Drawn]:
    """Models of a kind without end; the same for the same seed, whatever else is drawn."""
    name = zlib.crc32(f"{kind.operator} {kind.type}".encode())
    rng = np.random.default_rng([seed, name])
    while True:
        draft = Draft(rng, kind.operator, kind.type)
        FAMILIES[kind.operator](draft)
        yield draft.drawn()
