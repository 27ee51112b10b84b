"""One measured figure and the bound it is held to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Figure:
    """What was measured. `samples` are all values; their median is held to `at_most`/`at_least`."""

    what: str
    unit: str
    samples: Sequence[float]
    at_most: float | None = None
    at_least: float | None = None

    @property
    def value(self) -> float:
        """The median."""
        return median(self.samples)

    @property
    def is_met(self) -> bool:
        """Whether the median is within the bound; True without one."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def text(self) -> str:
        """Median, and the range when there are several samples."""
        text = f"{_short(self.value)} {self.unit}".rstrip()
        if len(self.samples) == 1:
            return text
        return f"{text} ({_short(min(self.samples))} to {_short(max(self.samples))})"

    @property
    def bound_text(self) -> str:
        """The bound in words."""
        if self.at_most is not None:
            return f"at most {self.at_most:,g}"
        return f"at least {self.at_least:,g}" if self.at_least is not None else ""


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def seconds(action: Callable[[], object], repeats: int) -> list[float]:
    """Wall time of each of `repeats` calls, in seconds."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        action()
        times.append(perf_counter() - start)
    return times
