"""Runs from different TFLM trees are compared when asked, and the tree is the first suspect."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.gate.baseline import load_baseline
from hil.gate.condition import forbidding
from hil.gate.entry import BaselineEntry
from hil.gate.expression import parse_expressions
from hil.gate.hold import Terms, hold
from hil.gate.tree import tflm_option, told_tree
from hil.record import GateAnswer
from hil.tflm.locate import PINNED
from hil.vocab import GateOutcome
from tests.entries import make_entry

BASELINES = Path(__file__).parent / "baselines"
# A baseline that hil wrote before there were generations.
(OF_2020,) = load_baseline(BASELINES, "of_2020").entries


@pytest.fixture
def run_of_2024() -> BaselineEntry:
    """The same run from the tree of 2024, with its kernels."""
    subject = OF_2020.subject.model_copy(
        update={
            "tflm_origin": PINNED["2024"][1].origin,
            "tflm_digest": "288c4122b3fc" + 52 * "0",
            "tflm_generation": "2024",
        }
    )
    metrics = OF_2020.metrics.model_copy(update={"latency_median_instructions": 326_000.0})
    changes = {"subject": subject, "metrics": metrics, "kernels": "cmsis_nn"}
    return OF_2020.model_copy(update=changes)


def answer(after: BaselineEntry, *accepted: str) -> GateAnswer:
    (expression,) = parse_expressions(["latency.median:+2%"])
    return hold(expression, OF_2020, after, Terms("nightly", frozenset(accepted)))


def test_a_baseline_of_2020_is_told_with_what_continues_and_what_renews_it(
    run_of_2024: BaselineEntry,
) -> None:
    found = answer(run_of_2024)
    assert found.outcome is GateOutcome.INCOMPARABLE
    for said in (
        "tflm: 2020, tfmicro 0.1.0, d9538130ffbe -> 2024, pico-tflmicro-sys 0.1.0, 288c4122b3fc",
        "--hil-accept tflm",
        "--hil-tflm 2020 --hil-kernels reference continues the baseline",
        "hil baseline set nightly renews it",
    ):
        assert said in found.reason


def test_when_asked_they_are_compared_and_the_tree_is_the_first_suspect(
    run_of_2024: BaselineEntry,
) -> None:
    found = answer(run_of_2024, "tflm")
    assert found.outcome is GateOutcome.PASS
    assert found.causes[0].startswith("TFLM source: 2020, tfmicro 0.1.0, ")
    assert found.causes[1] == "kernels: reference -> cmsis_nn"


def test_two_states_of_one_s_own_tree_are_different_trees() -> None:
    mine: dict[str, object] = {
        "tflm_origin": "folder lab",
        "tflm_generation": "modern",
        "tflm_digest": "11",
    }
    before, after = make_entry(subject=mine), make_entry(subject=mine | {"tflm_digest": "22"})
    (difference,) = forbidding(before, after)
    assert str(difference) == "tflm: modern, folder lab, 11 -> modern, folder lab, 22"
    assert forbidding(before, after, {"tflm"}) == ()


def test_the_same_tree_is_no_condition_wherever_it_was_told_from() -> None:
    named: dict[str, object] = {"tflm_generation": "2020"}
    assert forbidding(make_entry(), make_entry(subject=named)) == ()


def test_the_option_names_a_pinned_tree_or_the_folder() -> None:
    assert tflm_option(OF_2020.subject) == "2020"
    folder = OF_2020.subject.model_copy(update={"tflm_origin": "folder lab"})
    assert tflm_option(folder) == "lab"
    assert told_tree(folder) == "folder lab, d9538130ffbe"
