from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hil.checks.paired import PairedCounts, newcombe_interval
from hil.checks.schemes import SchemeRow, compare_schemes, drop
from hil.record import Condition, Metrics, RunResult, Samples
from hil.tflm.kernels import PORTABLE_OPTIMIZED
from hil.vocab import Better, Kind, Scheme
from tests.outcomes import make_record
from tests.runs import regression_run, right, scheme_run, unsupported_run

N = 1000
OPTIMIZED = PORTABLE_OPTIMIZED


def rows(*runs: RunResult) -> dict[str, SchemeRow]:
    (comparison,) = compare_schemes(runs)
    return {f"{row.run.model} {row.run.kernels}": row for row in comparison.rows}


def test_a_drop_has_its_interval_its_test_and_its_n() -> None:
    before, after = right(900, N), right(850, N)
    row = rows(scheme_run(Scheme.FLOAT32, before), scheme_run(Scheme.INT8, after))[
        "har_int8 reference"
    ]
    assert row.drop is not None
    assert row.drop.value == pytest.approx(0.05)
    assert row.drop.n == N
    assert row.drop.interval == newcombe_interval(PairedCounts(850, 50, 0, 100))
    assert row.drop.p_value == pytest.approx(2.0**-50)
    assert row.drop.is_distinguishable


def test_a_drop_within_its_interval_is_not_distinguishable() -> None:
    swapped = (*right(899, N - 1), 1.0)  # one lost, one won
    row = rows(scheme_run(Scheme.FLOAT32, right(900, N)), scheme_run(Scheme.INT8, swapped))[
        "har_int8 reference"
    ]
    assert row.drop is not None
    assert row.drop.value == 0
    assert row.drop.p_value == pytest.approx(0.75)  # 1 - P(1 of 2) / 2
    assert not row.drop.is_distinguishable


def test_float32_is_the_baseline_and_has_no_drop() -> None:
    row = rows(scheme_run(Scheme.FLOAT32, right(9, 10)))["har_float32 reference"]
    assert row.is_baseline
    assert row.drop is None


def test_without_float32_there_is_no_drop_and_it_is_said() -> None:
    row = rows(scheme_run(Scheme.INT8, right(9, 10)))["har_int8 reference"]
    assert row.drop is None
    assert row.drop_absent == "no float32 model was measured"


def test_each_kernel_library_has_its_own_baseline() -> None:
    found = rows(
        scheme_run(Scheme.FLOAT32, right(90, 100)),
        scheme_run(Scheme.FLOAT32, right(80, 100), kernels=OPTIMIZED),
        scheme_run(Scheme.INT8, right(80, 100), kernels=OPTIMIZED),
    )
    row = found["har_int8 portable_optimized"]
    assert row.drop is not None
    assert row.drop.value == 0
    assert [name for name, row in found.items() if row.is_baseline] == [
        "har_float32 reference",
        "har_float32 portable_optimized",
    ]


def test_other_vectors_are_not_paired() -> None:
    condition = make_record().condition.model_dump() | {"source_sha256": "other"}
    other = scheme_run(Scheme.INT8, right(8, 10), condition=Condition.model_validate(condition))
    row = rows(scheme_run(Scheme.FLOAT32, right(9, 10)), other)["har_int8 reference"]
    assert row.drop is None
    assert "not measured on the same vectors" in row.drop_absent


def test_where_lower_is_better_a_rise_is_a_drop_with_a_bootstrap_interval() -> None:
    errors = np.random.default_rng(3).uniform(0.5, 1.5, 200)
    row = rows(
        regression_run(Scheme.FLOAT32, errors.tolist()),
        regression_run(Scheme.INT8, (errors + 0.1).tolist()),
    )["har_int8 reference"]
    assert row.drop is not None
    assert row.drop.value == pytest.approx(0.1)
    assert row.drop.p_value is None
    assert row.drop.interval is not None
    # Paired: the same 0.1 in every vector leaves nothing to chance.
    assert row.drop.interval.low == pytest.approx(0.1)
    assert row.drop.interval.high == pytest.approx(0.1)


def auc_run(scheme: Scheme, scores: tuple[float, ...], labels: tuple[int, ...]) -> RunResult:
    samples = Samples(accuracy_parts={"device": scores}, accuracy_labels=labels)
    return scheme_run(scheme, scores, accuracy_metric="auc", samples=samples)


def test_auc_is_resampled_with_its_labels() -> None:
    labels = (0, 1) * 100
    good = tuple(label + 0.001 * i for i, label in enumerate(labels))
    bad = tuple(0.001 * i for i, _ in enumerate(labels))
    first, second = (
        auc_run(s, p, labels).record for s, p in ((Scheme.FLOAT32, good), (Scheme.INT8, bad))
    )
    assert first is not None
    assert second is not None
    found, _ = drop(first, second)
    assert found is not None
    assert found.interval is not None
    assert found.interval.low > 0.3
    assert found.is_distinguishable


def test_a_metric_without_parts_has_a_difference_and_a_reason() -> None:
    changes: dict[str, Any] = {"accuracy_metric": "data:f", "samples": Samples()}
    row = rows(
        scheme_run(Scheme.FLOAT32, right(9, 10), **changes),
        scheme_run(Scheme.INT8, right(8, 10), **changes),
    )["har_int8 reference"]
    assert row.drop is not None
    assert row.drop.value == pytest.approx(0.1)
    assert row.drop.interval is None
    assert "nothing to pair" in row.drop.reason
    assert not row.drop.is_distinguishable


def test_what_was_not_measured_is_a_row_without_drop_and_outside_pareto() -> None:
    row = rows(scheme_run(Scheme.FLOAT32, right(9, 10)), unsupported_run(Scheme.DYNAMIC))[
        "har_dynamic reference"
    ]
    assert (row.drop, row.is_pareto) == (None, None)


def test_pareto_keeps_what_is_better_in_something() -> None:
    found = rows(
        scheme_run(Scheme.FLOAT32, right(900, N), costs=(2000, 9000, 90_000)),
        scheme_run(Scheme.INT8, right(800, N), costs=(1000, 5000, 70_000)),
        scheme_run(Scheme.FLOAT16, right(800, N), costs=(3000, 9000, 80_000)),
    )
    assert [name.split()[0] for name, row in found.items() if row.is_pareto] == [
        "har_float32",
        "har_int8",
    ]


def test_an_accuracy_that_is_not_distinguishable_does_not_save_a_row() -> None:
    better_by_chance = right(901, N)
    found = rows(
        scheme_run(Scheme.FLOAT32, better_by_chance, costs=(2000, 9000, 90_000)),
        scheme_run(Scheme.INT8, right(900, N), costs=(1000, 5000, 70_000)),
    )
    row = found["har_float32 reference"]
    assert row.is_pareto is False
    assert row.is_pareto_by_estimate is True


def test_without_an_interval_accuracies_count_as_they_came_out() -> None:
    changes: dict[str, Any] = {"accuracy_metric": "data:f", "samples": Samples()}
    found = rows(
        scheme_run(Scheme.FLOAT32, right(9, 10), costs=(2000, 9000, 90_000), **changes),
        scheme_run(Scheme.INT8, right(8, 10), **changes),
    )
    assert all(row.is_pareto for row in found.values())


def test_equal_rows_do_not_dominate_each_other() -> None:
    found = rows(scheme_run(Scheme.FLOAT32, right(9, 10)), scheme_run(Scheme.INT8, right(9, 10)))
    assert all(row.is_pareto for row in found.values())


def test_a_missing_figure_leaves_a_row_out_of_pareto() -> None:
    metrics = Metrics(vectors=10, macs=1, accuracy_device=0.9, arena_used_bytes=1)
    found = rows(scheme_run(Scheme.INT8, right(9, 10), metrics=metrics))
    assert found["har_int8 reference"].is_pareto is None


def test_kinds_suites_and_targets_are_never_mixed() -> None:
    runs = [
        scheme_run(Scheme.FLOAT32, right(9, 10)),
        scheme_run(Scheme.FLOAT32, right(9, 10), kind=Kind.HARDWARE),
        scheme_run(Scheme.FLOAT32, right(9, 10), suite="digits"),
        scheme_run(Scheme.FLOAT32, right(9, 10), target="other"),
    ]
    found = [(c.suite, c.target, c.kind) for c in compare_schemes(runs)]
    assert len(set(found)) == len(found) == 4


def test_higher_and_lower_are_told_apart() -> None:
    first = scheme_run(Scheme.FLOAT32, right(9, 10), accuracy_better=Better.HIGHER).record
    second = scheme_run(Scheme.INT8, right(8, 10), accuracy_better=Better.HIGHER).record
    assert first is not None
    assert second is not None
    found, _ = drop(first, second)
    assert found is not None
    assert found.value > 0


def test_the_order_of_the_rows_does_not_depend_on_who_came_first() -> None:
    runs = [
        scheme_run(Scheme.INT8, right(8, 10)),
        unsupported_run(Scheme.DYNAMIC),
        scheme_run(Scheme.FLOAT32, right(9, 10), kernels=OPTIMIZED),
        scheme_run(Scheme.FLOAT32, right(9, 10)),
    ]
    expected = [
        "har_float32 reference",
        "har_float32 portable_optimized",
        "har_int8 reference",
        "har_dynamic reference",
    ]
    assert list(rows(*runs)) == expected
    assert list(rows(*reversed(runs))) == expected
