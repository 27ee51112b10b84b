"""The table at the end, and a folder for each model that is not right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.sweep.catalogue import Kind
from tests.sweep.draft import Array
from tests.sweep.verdict import Result, Verdict

BAD = (Verdict.WRONG, Verdict.FAULT)
SHOWN_REASONS = 2


@dataclass
class Row:
    """One operator and type on one kernel library."""

    kind: Kind
    library: str
    refused: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    judges: Counter[str] = field(default_factory=Counter)

    @property
    def passed(self) -> int:
        """Models that preflight passed."""
        return self.verdicts.total()

    @property
    def judged_right(self) -> int:
        """Models that a judge or an explanation vouches for."""
        return self.verdicts[Verdict.RIGHT] + self.verdicts[Verdict.EXPLAINED]

    @property
    def drawn(self) -> int:
        """All models."""
        return self.passed + self.refused.total()


class Table:
    """What became of all models."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Kind, str], Row] = {}
        self.bad: list[Result] = []

    def row(self, kind: Kind, library: str) -> Row:
        """The row of an operator, type and library."""
        return self.rows.setdefault((kind, library), Row(kind, library))

    def refuse(self, kind: Kind, library: str, reason: str) -> None:
        """A model that preflight refused."""
        self.row(kind, library).refused[reason] += 1

    def add(self, kind: Kind, result: Result) -> None:
        """A model that was run."""
        row = self.row(kind, result.library)
        row.verdicts[result.verdict] += 1
        row.judges[result.judge] += 1
        if result.verdict in BAD:
            self.bad.append(result)

    def total(self, verdict: Verdict) -> int:
        """Models of that verdict."""
        return sum(row.verdicts[verdict] for row in self.rows.values())

    @property
    def passed(self) -> int:
        """Models that preflight passed, over both libraries."""
        return sum(row.passed for row in self.rows.values())

    @property
    def judged_right(self) -> int:
        """Models that a judge or an explanation vouches for."""
        return sum(row.judged_right for row in self.rows.values())

    def lines(self) -> list[str]:
        """The table as text."""
        names = [verdict.value for verdict in Verdict]
        head = ["operator", "type", "library", "drawn", "refused", "passed", *names, "judged by"]
        lines = ["\t".join(head)]
        for row in sorted(self.rows.values(), key=lambda r: (r.kind, r.library)):
            reasons = "; ".join(
                f"{count} x {reason}" for reason, count in row.refused.most_common(SHOWN_REASONS)
            )
            numbers = [row.drawn, row.refused.total(), row.passed]
            numbers += [row.verdicts[verdict] for verdict in Verdict]
            judges = ", ".join(f"{name} {n}" for name, n in row.judges.items() if name)
            cells = [row.kind.operator, row.kind.type, row.library, *map(str, numbers), judges]
            lines.append("\t".join([*cells, reasons]))
        totals = ", ".join(f"{self.total(v)} {v.value}" for v in Verdict)
        refused = sum(row.refused.total() for row in self.rows.values())
        lines.append(f"passed {self.passed}: {totals}; refused {refused}")
        return lines


def keep(result: Result, folder: Path, number: int) -> Path:
    """Writes a model with its vectors and what was said; the folder it is in."""
    name = re.sub(r"\W+", "_", f"{result.drawn.operator}_{result.drawn.type}_{number}")
    place = folder / result.library / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "model.tflite").write_bytes(result.drawn.content())
    arrays: dict[str, Array] = {f"input_{i}": a for i, a in enumerate(result.task.inputs)}
    for who, outputs in (
        ("device", result.ran.outputs),
        ("litert", result.judgement.litert.outputs),
        ("wheel", result.judgement.wheel.outputs),
    ):
        arrays |= {f"{who}_{i}": a for i, a in enumerate(outputs or ())}
    # mypy takes ** for savez's other arguments.
    np.savez(place / "vectors.npz", **arrays)  # type: ignore[arg-type]
    text = [
        f"{result.drawn.operator} {result.drawn.type} on {result.library}: {result.verdict}",
        result.drawn.settings,
        result.words,
        f"LiteRT: {result.judgement.litert.refusal or 'takes it'}",
        f"wheel: {result.judgement.wheel.refusal or 'takes it'}",
    ]
    (place / "report.txt").write_text("\n".join(text) + "\n")
    return place


def kept(results: Sequence[Result], folder: Path) -> list[Path]:
    """All of them."""
    return [keep(result, folder, number) for number, result in enumerate(results)]
