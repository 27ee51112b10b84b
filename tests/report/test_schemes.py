from __future__ import annotations

import pytest

from hil.record import HostScore, RunResult
from hil.report.schemes import schemes_text
from hil.tflm.kernels import PORTABLE_OPTIMIZED
from hil.vocab import Scheme
from tests.outcomes import make_comparison, make_comparison_of_two
from tests.runs import FLOATS, regression_run, right, scheme_run, unsupported_run

LARGE = (22_000_000, 128_000, 900_000)
OPTIMIZED = PORTABLE_OPTIMIZED


def runs() -> list[RunResult]:
    return [
        scheme_run(Scheme.FLOAT32, right(90, 100), costs=LARGE),
        scheme_run(Scheme.INT8, right(89, 100)),
        scheme_run(Scheme.WEIGHT_ONLY, right(50, 100), costs=LARGE),
        unsupported_run(Scheme.DYNAMIC),
    ]


def wide(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))


@pytest.mark.parametrize("columns", [80, 100])
def test_the_table_fits_and_nothing_is_cut(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    wide(monkeypatch, columns)
    both = [*runs(), scheme_run(Scheme.INT8, right(89, 100), kernels=OPTIMIZED, costs=LARGE)]
    text = schemes_text(both, color=False)
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("unsupported: ")]
    assert max(map(len, lines)) <= columns
    assert "…" not in text
    assert "portable_optimized" in text


def test_a_row_says_drop_interval_p_and_n() -> None:
    text = schemes_text(runs(), color=False)
    for word in ("+1.00", "-2.83..5.14", "p 0.5", "n 100", "not distinguishable", "baseline"):
        assert word in text, word


def test_pareto_marks_tell_the_two_rules_apart() -> None:
    text = schemes_text(
        [scheme_run(Scheme.FLOAT32, right(90, 100), costs=LARGE), *runs()[1:]], color=False
    )
    body = text.split("emulated: instruction")[0]
    assert body.count("Pareto") == 2
    assert body.count("(Pareto)") == 1


def test_flips_and_errors_are_shown_per_reference() -> None:
    text = schemes_text(runs(), color=False)
    assert "equal" in text
    assert "0.8" in text  # the largest difference to LiteRT


def test_below_100_columns_litert_has_no_column_of_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide(monkeypatch, 80)
    assert "in 100 columns: LiteRT's flips" in schemes_text(runs(), color=False)
    narrow = schemes_text(runs(), color=False)
    assert "device against LiteRT" not in narrow
    assert "memory: bytes of arena" in narrow
    wide(monkeypatch, 100)
    assert "device against LiteRT" in schemes_text(runs(), color=False)


def test_an_unsupported_scheme_has_its_reason_and_what_the_host_scores() -> None:
    text = schemes_text(runs(), color=False)
    assert (
        "unsupported: har_dynamic (top1 of LiteRT 0.8400): CONV_2D: float input, int8 weights\n"
        in text
    )
    assert "dynamic" not in text.split("emulated: instruction")[0]


def test_a_host_that_fails_too_is_told() -> None:
    text = schemes_text([unsupported_run(Scheme.DYNAMIC, accuracy=None)], color=False)
    assert "no accuracy of LiteRT: LiteRT refuses the model" in text


def test_the_larger_set_has_a_line_when_there_is_one() -> None:
    given = runs()
    assert "host set" not in schemes_text(given, color=False)
    run = unsupported_run(Scheme.DYNAMIC)
    assert run.host_only is not None
    larger = HostScore(label="L", source="s", vectors=9, metric="top1", value=0.7654)
    run.host_only = run.host_only.model_copy(update={"larger_set": larger})
    text = schemes_text([*given[:3], run], color=False)
    assert "host set" in text
    assert "0.7654" in text


def test_other_metrics_have_no_percentage_points() -> None:
    errors = [0.1, 0.2, 0.3, 0.4]
    text = schemes_text(
        [regression_run(Scheme.FLOAT32, errors), regression_run(Scheme.INT8, [0.2, 0.3, 0.4, 0.5])],
        color=False,
    )
    assert "points" not in text
    assert "+0.1" in text


def test_columns_are_explained_once_and_only_when_asked_for() -> None:
    two = [*runs(), scheme_run(Scheme.FLOAT32, right(9, 10), suite="digits")]
    assert schemes_text(two, color=False).count("latency: median of Invoke") == 1
    assert "latency: median" not in schemes_text(two, color=False, explain=False)


def test_two_models_of_one_scheme_are_told_apart_by_name() -> None:
    again = scheme_run(Scheme.INT8, right(89, 100), model="har_int8_small")
    text = schemes_text([*runs(), again], color=False)
    assert "har_int8_small" in text
    assert "har_int8" not in schemes_text(runs(), color=False)


def test_flips_and_errors_are_those_of_all_outputs() -> None:
    comparison = make_comparison_of_two([FLOATS, FLOATS[::-1]], [FLOATS, FLOATS])
    run = scheme_run(Scheme.FLOAT32, right(1, 2), comparisons={"tflm": comparison})
    lines = schemes_text([run], color=False).splitlines()
    first = next(number for number, line in enumerate(lines) if "float32" in line)
    assert "2" in lines[first].split()
    assert "0.7" in lines[first + 2].split()


def test_without_the_wheel_the_tree_stands_under_tflm_and_is_named() -> None:
    comparison = make_comparison(FLOATS, FLOATS).model_copy(update={"label": "TFLM tree, here"})
    run = scheme_run(
        Scheme.FLOAT32, right(1, 2), oracle="tflm_tree", comparisons={"tflm_tree": comparison}
    )
    text = schemes_text([run], color=False)
    assert "TFLM: here tflm_tree, TFLM tree, here" in text
    assert "equal" in text
