"""Differences from a judge that are no fault of the tree, each with its reason and place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from tests.sweep.draft import Array, Drawn


@dataclass(frozen=True)
class Explanation:
    """Why outputs may differ from a judge's, by at most `most` in integer steps.

    `judges`, `types`, `libraries` are those it is about, `applies` narrows it to settings.
    """

    reason: str
    operators: Collection[str]
    types: Collection[str]
    most: float
    judges: Collection[str] = ("LiteRT", "wheel")
    libraries: Collection[str] = ("reference", "cmsis_nn")
    applies: Callable[[Drawn], bool] = lambda _: True


EXPLANATIONS: tuple[Explanation, ...] = ()


def explanation(
    drawn: Drawn, library: str, judge: str, found: Sequence[Array], expected: Sequence[Array]
) -> str:
    """The reason why `found` may differ from what `judge` expects, "" when there is none."""
    for each in EXPLANATIONS:
        if (
            drawn.operator in each.operators
            and drawn.type in each.types
            and judge in each.judges
            and library in each.libraries
            and each.applies(drawn)
            and all(_within(a, b, each.most) for a, b in zip(found, expected, strict=True))
        ):
            return each.reason
    return ""


def _within(found: Array, expected: Array, most: float) -> bool:
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return False
    apart = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    return bool(np.all(apart <= most))
