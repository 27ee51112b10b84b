"""Gate expressions."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import ConfigError
from hil.gate.expression import default_expressions, overlaid, parse_expressions
from hil.gate.quantity import QUANTITIES
from hil.vocab import Better
from tests.entries import hardware_entry, make_entry

ENTRY = make_entry()
REAL = hardware_entry([216_000] * 20)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("latency.median:+2%", 20.0),
        ("latency.median:2.5%", 25.0),
        ("latency.median:+500instructions", 500.0),
        ("latency.median:0", 0.0),
        ("arena.used:0", 0.0),
        ("arena.used:16", 16.0),
        ("flash.total:+1KiB", 1024.0),
        ("flash.total:1kB", 1000.0),
        ("flash.total:.5%", 25.0),
        ("accuracy:-0.5pp", 0.005),
        ("accuracy:1%", 0.0095),
        ("accuracy:-0.02", 0.02),
        ("outputs.max_lsb:0", 0.0),
        ("outputs.differing_elements:3elements", 3.0),
    ],
)
def test_limits_are_in_the_quantitys_own_unit(text: str, allowed: float) -> None:
    (expression,) = parse_expressions([text])
    entry = make_entry(outputs_max_lsb=0)
    found, why = expression.allowed(entry)
    assert found == pytest.approx(allowed)
    assert why == ""


def test_time_is_for_real_boards() -> None:
    (expression,) = parse_expressions(["latency.median:+0.5ms"])
    assert expression.allowed(REAL)[0] == pytest.approx(108_000)
    assert expression.allowed(ENTRY) == (None, "an emulated board counts instructions, not time")


def test_cycles_are_no_instructions() -> None:
    (expression,) = parse_expressions(["latency.median:+500cycles"])
    assert expression.allowed(REAL)[0] == 500
    assert "this board counts instructions" in expression.allowed(ENTRY)[1]


def test_points_are_for_shares() -> None:
    (expression,) = parse_expressions(["accuracy:0.5pp"])
    allowed, why = expression.allowed(make_entry(accuracy_metric="mae"))
    assert allowed is None
    assert "mae is no share" in why


def test_a_figure_the_baseline_lacks_has_no_limit() -> None:
    (expression,) = parse_expressions(["flash.kernels:0"])
    assert expression.allowed(ENTRY) == (None, "the baseline has no such figure")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latncy.median:+2%", "no gate on 'latncy.median'.*did you mean latency.median"),
        ("latency.median", "is no gate"),
        ("latency.median:", "is no gate"),
        ("latency.median:much", "is no gate"),
        ("latency.median:1e400%", "is no gate"),
        ("latency.median:+2", r"2 what\?.*write latency.median:\+2%"),
        ("latency.median:+2KiB", "no unit 'KiB'"),
        ("flash.total:+2ms", "no unit 'ms'"),
        ("outputs.max_lsb:1pp", "no unit 'pp'"),
        ("latency.median:-2%", r"lower is better.*write latency.median:\+2%"),
        ("arena.used:0,arena.used:1", "two gates on arena.used"),
    ],
)
def test_what_is_no_gate_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_expressions([text])
    assert re.search(message, str(caught.value), re.S)


def test_a_sign_is_held_against_the_metrics_direction() -> None:
    (expression,) = parse_expressions(["accuracy:+0.5pp"])
    with pytest.raises(ConfigError, match="higher is better"):
        expression.check_direction(Better.HIGHER)
    expression.check_direction(Better.LOWER)


def test_several_expressions_may_stand_together() -> None:
    found = parse_expressions(["latency.median:+2%, arena.used:0", "accuracy:1%"])
    assert [e.quantity.name for e in found] == ["latency.median", "arena.used", "accuracy"]


def test_the_default_fits_the_metric() -> None:
    assert default_expressions("top1")[-1].text == "accuracy:0.5pp"
    assert default_expressions("mae")[-1].text == "accuracy:1%"
    assert all(e.quantity.name != "accuracy" for e in default_expressions(None))


def test_special_limits_go_before_general_ones() -> None:
    general = parse_expressions(["latency.median:+2%", "arena.used:0"])
    special = parse_expressions(["latency.median:+9%", "flash.total:0"])
    texts = [expression.text for expression in overlaid(general, special)]
    assert texts == ["arena.used:0", "latency.median:+9%", "flash.total:0"]


@given(st.sampled_from(sorted(QUANTITIES)), st.decimals(0, 10**6, places=3))
def test_every_quantity_takes_a_decimal_share(name: str, amount: object) -> None:
    (expression,) = parse_expressions([f"{name}:{amount}%"])
    assert expression.amount == float(str(amount))


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ConfigError):
        parse_expressions([text])
