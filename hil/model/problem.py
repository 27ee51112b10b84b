"""Why a model cannot run: one reason, and how several are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hil.model.info import OperatorInfo


@dataclass(frozen=True)
class Problem:
    """One reason why a model cannot run. `operator` is None when it is about the whole model,
    `types` are then empty; else those of the operator's tensors, as in `int16, int8 -> int16`.
    """

    reason: str
    remedy: str
    operator: OperatorInfo | None = None
    types: str = ""

    def __str__(self) -> str:
        where = f"operator {self.operator.index} {self.operator.name}: " if self.operator else ""
        return f"{where}{self._text}"

    @property
    def _text(self) -> str:
        types = f" (its tensors: {self.types})" if self.types else ""
        return f"{self.reason}{types}" + (f"; {self.remedy}" if self.remedy else "")

    @property
    def sameness(self) -> tuple[str, str]:
        """Equal for problems that say the same of operators of one kind."""
        return (self.operator.name if self.operator else "", self._text)


def problem_texts(problems: Sequence[Problem]) -> list[str]:
    """What `problems` say, in their order; what is said of several operators is said once."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.sameness, []).append(problem)
    texts = []
    for (name, text), group in groups.items():
        indices = [problem.operator.index for problem in group if problem.operator is not None]
        if len(indices) > 1:
            listed = ", ".join(map(str, indices[:-1])) + f" and {indices[-1]}"
            texts.append(f"operators {listed} {name}: {text}")
        else:
            texts.append(str(group[0]))
    return texts
