"""A check's own verdict and the gate's answers as one."""

from __future__ import annotations

import pytest

from hil.gate.baseline import Baseline
from hil.gate.expression import parse_expressions
from hil.gate.gate import Gate, gate_lines
from hil.record import GateAnswer, RunResult, Verdict
from hil.vocab import CheckName, GateOutcome, Status
from tests.entries import changed_record, make_entry

BASELINE = Baseline("nightly", (make_entry(),))
SAME = changed_record()
SLOW = changed_record({"latency_median_instructions": 1050.0})
OTHER = changed_record(condition={"arena_placement": "dtcm"})
STRANGER = changed_record(model="stranger", run_id="other")


def verdict(status: Status = Status.PASS, check: CheckName = CheckName.LATENCY) -> Verdict:
    return Verdict(check=check, status=status, reason="own reason")


def gate(**changes: object) -> Gate:
    values: dict[str, object] = {"expressions": parse_expressions(["latency.median:+2%"])}
    return Gate(BASELINE, **(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "record", "wanted"),
    [
        (Status.PASS, SAME, Status.PASS),
        (Status.NEW, SAME, Status.PASS),
        (Status.FAIL, SAME, Status.FAIL),
        (Status.PASS, SLOW, Status.FAIL),
        (Status.NEW, SLOW, Status.FAIL),
        (Status.NEW, STRANGER, Status.NEW),
        (Status.PASS, STRANGER, Status.PASS),
        (Status.NEW, OTHER, Status.NEW),
        (Status.PASS, OTHER, Status.PASS),
    ],
)
def test_the_verdict_follows_from_both(own: Status, record: object, wanted: Status) -> None:
    assert gate().judge(verdict(own), record).status is wanted  # type: ignore[arg-type]


@pytest.mark.parametrize("record", [OTHER, STRANGER])
def test_when_strict_what_could_not_be_held_fails(record: object) -> None:
    judged = gate(strict=True).judge(verdict(), record)  # type: ignore[arg-type]
    assert judged.status is Status.FAIL


@pytest.mark.parametrize("status", [Status.ERROR, Status.SKIP])
def test_where_there_is_no_answer_nothing_is_held(status: Status) -> None:
    judged = gate(strict=True).judge(verdict(status), STRANGER)
    assert judged == verdict(status)


def test_a_failure_of_the_gate_comes_first_in_the_reason() -> None:
    judged = gate().judge(verdict(), SLOW)
    assert judged.reason.startswith("latency.median 1,000 -> 1,050")
    assert judged.reason.endswith("own reason")
    assert judged.gate[0].outcome is GateOutcome.FAIL


def test_a_check_is_held_to_its_own_quantities_only() -> None:
    assert gate().judge(verdict(check=CheckName.ARENA), SLOW).gate == ()


def test_special_limits_go_before_general_ones() -> None:
    special = parse_expressions(["latency.median:+9%"])
    assert gate().judge(verdict(), SLOW, [special]).status is Status.PASS
    tighter = parse_expressions(["latency.median:+1%"])
    assert gate().judge(verdict(), SLOW, [special, tighter]).status is Status.FAIL


def test_without_expressions_the_default_gate_is_held_to() -> None:
    found = gate(expressions=()).limits(SAME, ())
    assert {e.quantity.check for e in found} == set(CheckName)


def test_a_figure_that_neither_side_has_is_not_asked_for() -> None:
    wanted = parse_expressions(["outputs.max_lsb:0"])
    own = verdict(check=CheckName.OUTPUTS)
    assert gate(expressions=wanted, strict=True).judge(own, SAME) == own


def test_conditions_that_are_accepted_are_compared() -> None:
    accepting = gate(accepted=frozenset({"arena_placement"}))
    assert accepting.judge(verdict(Status.NEW), OTHER).status is Status.PASS


def test_what_was_not_held_is_told_once_with_all_its_figures() -> None:
    wide = gate(expressions=parse_expressions(["latency.median:+2%", "latency.min:0"]))
    run = RunResult("digits", "stranger", "stm32f746", "reference", record=STRANGER)
    run.verdicts[CheckName.LATENCY] = wide.judge(verdict(), STRANGER)
    assert gate_lines([run]) == [
        "new: stranger latency.median, latency.min: baseline nightly has no such run"
    ]


def test_braces_in_a_reason_are_only_braces() -> None:
    answer = GateAnswer(
        expression="x", metric="m", outcome=GateOutcome.INCOMPARABLE, reason="m: folder {x} {}"
    )
    run = RunResult("digits", "a{0}", "stm32f746", "reference", record=SAME)
    run.verdicts[CheckName.LATENCY] = verdict().model_copy(update={"gate": (answer,)})
    assert gate_lines([run]) == ["incomparable: a{0} m: folder {x} {}"]


def test_runs_are_shown_beside_their_entries() -> None:
    runs = [
        RunResult("digits", r.model, "stm32f746", "reference", record=r) for r in (SAME, STRANGER)
    ]
    assert gate().held(runs).entries == {SAME.run_id: make_entry()}
