"""A baseline and the limits it is held to, over a whole session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from hil.gate.baseline import Baseline, Key
from hil.gate.change import Held
from hil.gate.entry import BaselineEntry
from hil.gate.expression import Expression, default_expressions, overlaid
from hil.gate.hold import Terms, hold
from hil.gate.noise import More, NoiseFloor
from hil.record import GateAnswer, RunRecord, RunResult, Verdict
from hil.vocab import CheckName, GateOutcome, Status

# Outcomes that say nothing was compared: listed, and failures when the gate is strict.
UNHELD = (GateOutcome.NEW, GateOutcome.INCOMPARABLE, GateOutcome.ABSENT)


@dataclass(frozen=True)
class Gate:
    """What runs of a session are held to. `expressions` are the user's, for all runs; () for the
    default ones. `floors` are by target, then by quantity.
    """

    baseline: Baseline
    expressions: tuple[Expression, ...] = ()
    accepted: frozenset[str] = frozenset()
    strict: bool = False
    swept: bool = False
    budget: int = 0
    floors: Mapping[str, Mapping[str, NoiseFloor]] = field(default_factory=dict)

    def entry(self, record: RunRecord) -> BaselineEntry | None:
        """What a run is held against, None when the baseline has no such entry."""
        return self.baseline.find(BaselineEntry.of(record), swept=self.swept)

    def limits(
        self, record: RunRecord, special: Sequence[tuple[Expression, ...]]
    ) -> tuple[Expression, ...]:
        """The expressions for a run: the general ones, overlaid by each of `special` in turn."""
        found = self.expressions or default_expressions(record.accuracy_metric)
        for expressions in special:
            found = overlaid(found, expressions)
        return found

    def answers(
        self, record: RunRecord, expressions: Sequence[Expression], more: More | None = None
    ) -> tuple[GateAnswer, ...]:
        """One answer for each expression, but for figures that neither side has: outputs of floats
        have no LSB. Raises what `more` raises, and ConfigError.
        """
        after, before = BaselineEntry.of(record), self.entry(record)
        terms = Terms(
            baseline=self.baseline.name,
            accepted=self.accepted,
            floors=self.floors.get(record.target, {}),
            more=more,
            budget=self.budget,
        )
        sides = [after] if before is None else [before, after]
        return tuple(
            hold(expression, before, after, terms)
            for expression in expressions
            if any(expression.quantity.value(side) is not None for side in sides)
        )

    def judge(
        self,
        verdict: Verdict,
        record: RunRecord,
        special: Sequence[tuple[Expression, ...]] = (),
        more: More | None = None,
    ) -> Verdict:
        """The verdict of a check with the gate's answers to its quantities in it.

        It fails when one of them does; passes when it was new for want of a limit and something was
        held; is left as it is otherwise.
        """
        wanted = [
            expression
            for expression in self.limits(record, special)
            if expression.quantity.check is verdict.check
        ]
        if not wanted or verdict.status in (Status.ERROR, Status.SKIP):
            return verdict
        answers = self.answers(record, wanted, more)
        if not answers:
            return verdict
        return joined(verdict, answers, strict=self.strict)

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """Keys of all entries."""
        return tuple(Key.of(entry) for entry in self.baseline.entries)

    def held(self, runs: Iterable[RunResult]) -> Held:
        """What each run with a result is held against."""
        records = [run.record for run in runs if run.record is not None]
        found = {record.run_id: self.entry(record) for record in records}
        entries = {run: entry for run, entry in found.items() if entry is not None}
        return Held(self.baseline.name, entries, self.accepted)


def joined(verdict: Verdict, answers: Sequence[GateAnswer], *, strict: bool) -> Verdict:
    """A check's own verdict and the gate's answers as one."""
    outcomes = {answer.outcome for answer in answers}
    is_unheld = any(outcome in outcomes for outcome in UNHELD)
    fails = GateOutcome.FAIL in outcomes or (strict and is_unheld)
    status = verdict.status
    if fails:
        status = Status.FAIL
    elif status is Status.NEW and outcomes == {GateOutcome.PASS}:
        status = Status.PASS
    told = [answer for answer in answers if answer.outcome is not GateOutcome.PASS]
    blamed = [a for a in told if a.outcome is GateOutcome.FAIL] + [
        a for a in told if a.outcome is not GateOutcome.FAIL
    ]
    own = [verdict.reason]
    if verdict.status is Status.FAIL:
        lines = [*own, *map(answer_text, blamed)]
    elif fails:
        lines = [*map(answer_text, blamed), *own]
    else:
        lines = [*own, *map(answer_text, told or answers)]
    return verdict.model_copy(
        update={
            "status": status,
            "reason": "\n".join(lines),
            "gate": tuple(answers),
            "own_status": verdict.status,
        }
    )


def answer_text(answer: GateAnswer) -> str:
    """An answer with its causes, for people. That it fails is said by the check already."""
    plain = (GateOutcome.PASS, GateOutcome.FAIL)
    word = "" if answer.outcome in plain else f"{answer.outcome.value}: "
    causes = [f"  {cause}" for cause in answer.causes]
    return "\n".join([f"{word}{answer.reason}", *causes])


def gate_lines(runs: Iterable[RunResult]) -> list[str]:
    """What of the gate is worth a line although nothing fails: all that was not simply held."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for run in runs:
        for verdict in run.verdicts.values():
            for answer in verdict.gate:
                if answer.outcome not in (GateOutcome.PASS, GateOutcome.FAIL):
                    _, _, why = answer.reason.partition(": ")
                    key = (answer.outcome.value, run.model, why)
                    lines.setdefault(key, []).append(answer.metric)
    return [
        f"{outcome}: {model} {', '.join(metrics)}: {why}"
        for (outcome, model, why), metrics in lines.items()
    ]


def unsupported_verdict(check: CheckName, reason: str) -> Verdict:
    """What becomes, under a strict gate, of a run that the baseline has and that cannot run now."""
    text = f"unsupported now, and the baseline has it: {reason}"
    return Verdict(check=check, status=Status.FAIL, reason=text)
