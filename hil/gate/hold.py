"""Holds one quantity of a run against a baseline's entry: one answer per gate expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hil.gate.cause import causes
from hil.gate.condition import TFLM, forbidding
from hil.gate.entry import BaselineEntry
from hil.gate.expression import Expression
from hil.gate.noise import (
    CONFIDENCE,
    MIN_SAMPLES,
    QUANTILES,
    Decision,
    More,
    NoiseFloor,
    decide,
)
from hil.gate.quantity import Dimension, Quantity
from hil.gate.tree import tflm_option
from hil.record import BothLatencies, GateAnswer
from hil.vocab import SHARES, Better, GateOutcome, Kind

# Of floating-point figures: what the last digits of a difference may be off by.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Terms:
    """What an answer depends on besides the two runs.

    `accepted` are keys of conditions that may differ, `floors` what A/A runs of the target say of
    each quantity; `more` takes further samples of both images, up to `budget` times.
    """

    baseline: str
    accepted: frozenset[str] = frozenset()
    floors: Mapping[str, NoiseFloor] = field(default_factory=dict)
    more: More | None = None
    budget: int = 0


def hold(
    expression: Expression, before: BaselineEntry | None, after: BaselineEntry, terms: Terms
) -> GateAnswer:
    """The answer of `expression` to the run `after`; `before` is None where the baseline has none.

    Raises ConfigError when the expression's sign is wrong for the suite's metric, and what
    `terms.more` raises.
    """
    quantity = expression.quantity
    if before is None:
        return _without(
            expression, after, GateOutcome.NEW, f"baseline {terms.baseline} has no such run"
        )
    expression.check_direction(quantity.better(after))
    forbids = forbidding(before, after, terms.accepted)
    if forbids:
        keys = ", ".join(difference.key for difference in forbids)
        said = "; ".join(map(str, forbids))
        reason = f"not comparable with baseline {terms.baseline}: {said} (--hil-accept {keys})"
        if any(difference.key == TFLM for difference in forbids):
            reason += f"; {_other_tree(before, terms.baseline)}"
        return _without(expression, after, GateOutcome.INCOMPARABLE, reason)
    if quantity.dimension is Dimension.ACCURACY:
        metrics = before.accuracy_metric, after.accuracy_metric
        if metrics[0] != metrics[1]:
            reason = f"another metric: {metrics[0]} -> {metrics[1]}"
            return _without(expression, after, GateOutcome.INCOMPARABLE, reason)
    old, new = quantity.value(before), quantity.value(after)
    if new is None:
        return _without(expression, after, GateOutcome.ABSENT, "this run has no such figure")
    if old is None:
        reason = f"baseline {terms.baseline} has no such figure"
        return _without(expression, after, GateOutcome.NEW, reason)
    allowed, why = expression.allowed(before)
    if allowed is None:
        return _without(expression, after, GateOutcome.ABSENT, why)
    held = _Held(expression, before, after, old, new, allowed, terms)
    noisy = _samples(quantity, before, after)
    return held.by_count() if noisy is None else held.by_samples(noisy)


def _other_tree(before: BaselineEntry, baseline: str) -> str:
    """What goes on with the baseline's TFLM tree, and what takes the new one for it."""
    return (
        f"--hil-tflm {tflm_option(before.subject)} --hil-kernels {before.kernels} continues the "
        f"baseline, hil baseline set {baseline} renews it"
    )


def _without(
    expression: Expression, after: BaselineEntry, outcome: GateOutcome, reason: str
) -> GateAnswer:
    """An answer that has nothing to compare."""
    quantity = expression.quantity
    return GateAnswer(
        expression=expression.text,
        metric=quantity.name,
        outcome=outcome,
        reason=f"{quantity.name}: {reason}",
        unit=quantity.unit(after),
        after=quantity.value(after),
    )


def _samples(
    quantity: Quantity, before: BaselineEntry, after: BaselineEntry
) -> BothLatencies | None:
    """Both sides' raw latencies where they have noise; None where a figure is exact."""
    if quantity.dimension is not Dimension.LATENCY or after.kind is not Kind.HARDWARE:
        return None
    if before.samples is None or after.samples is None:
        return None
    return BothLatencies(before=before.samples, after=after.samples)


@dataclass(frozen=True)
class _Held:
    """Both figures side by side, in the quantity's own unit."""

    expression: Expression
    before: BaselineEntry
    after: BaselineEntry
    old: float
    new: float
    allowed: float
    terms: Terms

    @property
    def quantity(self) -> Quantity:
        return self.expression.quantity

    @property
    def sign(self) -> int:
        """What turns a change into one for the worse."""
        return -1 if self.quantity.better(self.after) is Better.HIGHER else 1

    def by_count(self) -> GateAnswer:
        """By the figures alone: they are exact."""
        worse = (self.new - self.old) * self.sign
        beyond = worse - self.allowed
        fails = beyond > ROUNDING * max(1.0, abs(self.old))
        outcome = GateOutcome.FAIL if fails else GateOutcome.PASS
        return self._answer(outcome, f"{self._figures()}{self._margin(beyond, fails=fails)}")

    def by_samples(self, samples: BothLatencies) -> GateAnswer:
        """By an interval of the change."""
        statistic = self.quantity.name.rpartition(".")[2]
        if min(len(samples.before), len(samples.after)) < MIN_SAMPLES:
            reason = f"{self._figures()}; fewer than {MIN_SAMPLES} samples a side say nothing"
            return self._answer(GateOutcome.INCONCLUSIVE, reason)
        decision = decide(
            samples,
            self.allowed / self.old,
            quantile=QUANTILES[statistic],
            floor=self.terms.floors.get(self.quantity.name),
            more=self.terms.more,
            budget=self.terms.budget,
        )
        return self._answer(decision.outcome, self._interval_text(decision), decision)

    # ---- in words

    def _figures(self) -> str:
        form = _form(self.quantity, self.after)
        said = f"{self.quantity.name} {form(self.old)} -> {form(self.new)}"
        unit = self.quantity.unit(self.after)
        return (
            f"{said} {unit}".rstrip()
            + f": {change_text(self.quantity, self.after, self.old, self.new)}"
        )

    def _margin(self, beyond: float, *, fails: bool) -> str:
        limit = self.expression.text.partition(":")[2]
        of = f"limit {limit} of baseline {self.terms.baseline}"
        form = _form(self.quantity, self.after)
        if fails:
            return f", {form(abs(beyond))} beyond the {of}"
        return f", within the {of} ({form(abs(beyond))} left)" if beyond else f", just the {of}"

    def _interval_text(self, decision: Decision) -> str:
        change, n = decision.change, decision.samples
        limit = self.expression.text.partition(":")[2]
        text = (
            f"{self._figures()}; with {CONFIDENCE:.0%} confidence the change is between "
            f"{change.low:+.2%} and {change.high:+.2%} (samples: {len(n.before)} and "
            f"{len(n.after)}"
        )
        floor = self.terms.floors.get(self.quantity.name)
        if floor is not None:
            text += f"; noise floor {floor.change:.2%} of {floor.pairs} A/A pairs included"
        words = {
            GateOutcome.FAIL: "all of it beyond",
            GateOutcome.PASS: "none of it beyond",
            GateOutcome.INCONCLUSIVE: "which does not tell it from",
        }[decision.outcome]
        text += f"), {words} the limit {limit} of baseline {self.terms.baseline}"
        if decision.repeats:
            text += f", measured {len(decision.repeats)} times more"
        return text

    def _answer(
        self, outcome: GateOutcome, reason: str, decision: Decision | None = None
    ) -> GateAnswer:
        interval = None
        if decision is not None:
            interval = (self.old * decision.change.low, self.old * decision.change.high)
        changed = outcome is GateOutcome.FAIL or self.old != self.new
        return GateAnswer(
            expression=self.expression.text,
            metric=self.quantity.name,
            outcome=outcome,
            reason=reason,
            unit=self.quantity.unit(self.after),
            before=self.old,
            after=self.new,
            change=self.new - self.old,
            limit=self.allowed,
            interval=interval,
            causes=causes(self.quantity, self.before, self.after) if changed else (),
            repeats=decision.repeats if decision is not None else (),
        )


def change_text(quantity: Quantity, entry: BaselineEntry, old: float, new: float) -> str:
    """The change for people: with its sign, absolute and relative; shares in points."""
    change = new - old
    if change == 0:
        return "unchanged"
    if quantity.dimension is Dimension.ACCURACY:
        is_share = entry.accuracy_metric in SHARES
        return f"{change * 100:+.2f} points" if is_share else f"{change:+.4g}"
    relative = f" ({change / old:+.2%})" if old else ""
    return f"{change:+,.0f}{relative}"


def _form(quantity: Quantity, entry: BaselineEntry) -> Callable[[float], str]:
    """How a figure of the quantity is written."""
    if quantity.dimension is Dimension.ACCURACY:
        return (lambda v: f"{v:.4f}") if entry.accuracy_metric in SHARES else (lambda v: f"{v:.5g}")
    return lambda v: f"{v:,.0f}"
