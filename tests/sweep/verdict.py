"""What a model's outputs are worth, held against both judges."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.sweep.batches import Ran, Task
from tests.sweep.draft import Array, Drawn
from tests.sweep.explained import explanation
from tests.sweep.judges import Judgement, Opinion
from tests.sweep.tolerance import difference, same


class Verdict(StrEnum):
    """The end of a model that preflight passed."""

    RIGHT = "right"  # equal to LiteRT and the wheel, or to the one that takes the model
    EXPLAINED = "explained"  # differs from one of them as `explained` says
    WRONG = "wrong"  # differs from a judge, and nothing explains it
    FAULT = "fault"  # refused late, failed in Invoke, crashed or hung
    UNJUDGED = "unjudged"  # no judge takes the model


@dataclass(frozen=True)
class Result:
    """One model on one kernel library. `judge` says who agreed, `words` what there is to say."""

    task: Task
    library: str
    ran: Ran
    judgement: Judgement
    verdict: Verdict
    judge: str
    words: str

    @property
    def drawn(self) -> Drawn:
        """The model."""
        return self.task.drawn


def judged(task: Task, library: str, ran: Ran, judgement: Judgement) -> Result:
    """The verdict on what `ran`."""
    verdict, judge, words = _verdict(task, library, ran, judgement)
    return Result(task, library, ran, judgement, verdict, judge, words)


def _verdict(task: Task, library: str, ran: Ran, judgement: Judgement) -> tuple[Verdict, str, str]:
    if ran.outputs is None:
        return Verdict.FAULT, "", ran.failure
    opinions = {"LiteRT": judgement.litert, "wheel": judgement.wheel}
    asked = {name: each for name, each in opinions.items() if each.outputs is not None}
    if not asked:
        refusals = [f"{name}: {each.refusal[-200:]}" for name, each in opinions.items()]
        return Verdict.UNJUDGED, "", "; ".join(refusals)
    words, reasons = [], []
    for name, opinion in asked.items():
        text = _compared(task.drawn, ran.outputs, opinion)
        if not text:
            continue
        reason = explanation(task, library, name, ran.outputs, opinion.outputs or ())
        words.append(f"{name}: {text}" + (f" ({reason})" if reason else ""))
        reasons.append(reason)
    judge = " + ".join(asked)
    if not words:
        return Verdict.RIGHT, judge, ""
    verdict = Verdict.EXPLAINED if all(reasons) else Verdict.WRONG
    return verdict, judge, "; ".join(words)


def _compared(drawn: Drawn, found: tuple[Array, ...], opinion: Opinion) -> str:
    """How the outputs differ from an opinion, "" when they do not."""
    assert opinion.outputs is not None
    if len(found) != len(opinion.outputs):
        return f"{len(found)} outputs instead of {len(opinion.outputs)}"
    texts = [
        f"output {index}: {difference(mine, theirs)}"
        for index, (mine, theirs) in enumerate(zip(found, opinion.outputs, strict=True))
        if not same(drawn.operator, mine, theirs)
    ]
    return ", ".join(texts)
