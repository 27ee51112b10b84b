"""How often the gate is wrong on simulated noise: that of tests/gate/test_noise.py."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figure import Figure
from hil.vocab import GateOutcome
from tests.gate.test_noise import BUDGET, LIMIT, PAIRS, outcomes

FALSE_ALARMS, MISSED = 0.01, 0.01


def figures() -> Iterator[Figure]:
    """Shares of simulated pairs of 20 samples a side."""
    yield _share("A/A fails, limit +2%", outcomes(0.0, LIMIT, PAIRS), FALSE_ALARMS)
    found = outcomes(0.03, LIMIT, PAIRS)
    missed = 1 - found.count(GateOutcome.FAIL) / len(found)
    yield Figure("a regression of 3 % missed, limit +2%", "", [missed], MISSED)
    yield _share("A/A fails, limit 0, no repeats", outcomes(0.0, 0.0, PAIRS, budget=0), None)
    repeated = outcomes(0.0, 0.0, PAIRS // 4)
    yield _share(f"A/A fails, limit 0, up to {BUDGET} repeats", repeated, None)


def _share(what: str, found: list[GateOutcome], limit: float | None) -> Figure:
    return Figure(what, "", [found.count(GateOutcome.FAIL) / len(found)], limit)
