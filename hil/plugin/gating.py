"""The gate as pytest's options, suites and markers set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest

from hil.emulator.protocol import PROBE_PREFIX
from hil.errors import ConfigError
from hil.gate.baseline import Key, load_baseline
from hil.gate.condition import check_keys
from hil.gate.expression import Expression, overlaid, parse_expressions
from hil.gate.floors import noise_floors
from hil.gate.gate import UNHELD, Gate, answer_text
from hil.gate.noise import More, NoiseFloor
from hil.plugin.broker import RunKey
from hil.plugin.options import Options
from hil.record import RunRecord
from hil.store.store import RunFilter, open_store
from hil.suite import Suite
from hil.vocab import GateOutcome, Kind

MARKER = "hil_gate"
# The newest runs of a target that its noise is read from.
FLOOR_RUNS = 300
NO_BASELINE = "a gate needs something to hold runs against"


def make_gate(options: Options, *, swept: bool) -> Gate | None:
    """The gate that was asked for, None without a baseline. Raises ConfigError."""
    expressions = parse_expressions(options.gate)
    check_keys(options.accept)
    if options.gate_repeats < 0:
        raise ConfigError("--hil-gate-repeats must not be negative")
    if options.baseline is None:
        if options.gate or options.accept or options.baseline_strict:
            raise ConfigError(NO_BASELINE, hint="give --hil-baseline NAME")
        return None
    return Gate(
        baseline=load_baseline(options.baselines, options.baseline),
        expressions=expressions,
        accepted=frozenset(options.accept),
        strict=options.baseline_strict,
        swept=swept,
        budget=options.gate_repeats,
    )


def check_limits(suite: Suite) -> None:
    """Raises ConfigError for limits of a suite that cannot be read or that nothing would meet."""
    for limits in (suite.gate.limits, *(model.gate.limits for model in suite.models)):
        for expression in parse_expressions(limits):
            if suite.metric is not None and expression.quantity.name == "accuracy":
                expression.check_direction(suite.metric.better)


def special_limits(key: RunKey, item: pytest.Item) -> list[tuple[Expression, ...]]:
    """Limits that go before those of all runs: the suite's, the model's, the item's markers'.

    Raises ConfigError.
    """
    own = [key.suite.gate.limits, key.model.gate.limits]
    return [*map(parse_expressions, own), *marked_limits(item)]


def marked_limits(item: pytest.Item) -> list[tuple[Expression, ...]]:
    """Those of the item's hil_gate markers, the closest one last. Raises ConfigError."""
    markers = [mark.args for mark in reversed(list(item.iter_markers(MARKER)))]
    for arguments in markers:
        if not arguments or not all(isinstance(text, str) for text in arguments):
            raise ConfigError(
                f"{item.nodeid}: hil_gate takes expressions: hil_gate('latency.median:+5%')"
            )
    return [parse_expressions(limits) for limits in markers]


def failures_of_test(
    gate: Gate, record: RunRecord, limits: Sequence[tuple[Expression, ...]], more: More | None
) -> str:
    """What a test's run breaks of the test's own limits; "" when it keeps them."""
    wanted: tuple[Expression, ...] = ()
    for expressions in limits:
        wanted = overlaid(wanted, expressions)
    bad = {GateOutcome.FAIL, *(UNHELD if gate.strict else ())}
    answers = gate.answers(record, wanted, more)
    return "\n".join(answer_text(answer) for answer in answers if answer.outcome in bad)


def floors_from(location: str, target: str) -> Mapping[str, NoiseFloor]:
    """What the history at `location` knows of the noise of real boards of a target."""
    store = open_store(location)
    try:
        runs = store.runs(RunFilter(target=target, kind=Kind.HARDWARE.value), FLOOR_RUNS)
    finally:
        store.close()
    records = [run.record for run in runs if run.record is not None]
    return noise_floors(records).get(target, {})


@dataclass(frozen=True)
class Measured:
    """Which entries of a baseline a session could measure again: those of its targets and kind."""

    targets: tuple[str, ...]
    kind: Kind

    def covers(self, key: Key) -> bool:
        """Whether an entry is one of them."""
        return key.target in self.targets and key.kind is self.kind


def vanished(gate: Gate, suite: Suite, measured: Measured) -> Iterator[Key]:
    """Entries of models that the suite does not have any more."""
    models = {model.label for model in suite.models}
    for key in gate.keys:
        if key.suite == suite.name and measured.covers(key) and key.model not in models:
            yield key


def vanished_suites(gate: Gate, collected: set[str], measured: Measured) -> Iterator[Key]:
    """Entries of suites that are not there any more."""
    for key in gate.keys:
        if key.suite not in collected and measured.covers(key):
            yield key


def kind_of(options: Options) -> Kind:
    """What the boards of a session are, before any is opened."""
    named = options.probe is not None and not options.probe.startswith(PROBE_PREFIX)
    return Kind.HARDWARE if named or options.kind == Kind.HARDWARE.value else Kind.EMULATED
