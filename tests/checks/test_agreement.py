from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from hil.checks.agreement import DEVICE, NO_METRIC, Agreement
from hil.checks.bounds import device_bounds, litert_bounds
from hil.data import Array, Vectors
from hil.errors import HilError, ReferenceFailure
from hil.model.flatbuffer import parse_model
from hil.reference.reference import ReferenceName, ReferenceResult
from hil.suite import Metric
from hil.suite_data import SuiteData
from tests import models

MODEL = parse_model(models.dense_int8(), "m")  # 3 outputs, scale 0.25
OUTPUT = np.array([[[9, 0, 0]], [[0, 9, 0]], [[0, 0, 9]], [[9, 0, 0]]], np.int8)
OTHER = np.array([[[9, 0, 0]], [[0, 9, 0]], [[9, 0, 0]], [[9, 0, 0]]], np.int8)
TFLM, TREE = ReferenceName.TFLM, ReferenceName.TFLM_TREE
LITERT, LITERT_REF = ReferenceName.LITERT, ReferenceName.LITERT_REF


def agreement(
    outputs: Mapping[ReferenceName, Array],
    *,
    labels: list[int] | None = None,
    metric: Metric | None = None,
    errors: Mapping[ReferenceName, HilError] | None = None,
    data: SuiteData | None = None,
) -> Agreement:
    vectors = Vectors(
        (np.zeros((4, 1, 4), np.int8),), None if labels is None else np.array(labels), "test"
    )
    results = {
        name: ReferenceResult(name, f"label of {name}", (array,), (1.0, 2.0, 3.0, 40.0), 512)
        for name, array in outputs.items()
    }
    return Agreement.of(MODEL, vectors, metric, data, (OUTPUT,), results, errors or {})


def test_device_and_references_are_scored_on_the_same_vectors() -> None:
    found = agreement(
        {TFLM: OUTPUT, LITERT: OTHER}, labels=[0, 1, 2, 2], metric=Metric(name="top1")
    )
    assert found.figures["accuracy_device"] == 0.75
    assert found.figures["accuracy_host_tflm"] == 0.75
    assert found.figures["accuracy_litert"] == 0.5
    assert found.scores[DEVICE].parts == (1, 1, 1, 0)
    assert found.comparisons[LITERT].accuracy == 0.5
    assert found.comparisons[LITERT].host_latency_median_us == 2.5


def test_figures_of_the_oracle_and_of_litert_are_kept_apart() -> None:
    found = agreement({TFLM: OUTPUT, LITERT: OTHER})
    assert found.figures["outputs_differing_elements"] == 0
    assert found.figures["litert_differing_elements"] == 2
    assert found.figures["litert_max_abs_error"] == 9
    assert found.figures["arena_host_tflm_bytes"] == 512
    assert found.absent["outputs_worst_vector"] == "no output differs"


def test_the_device_is_held_to_tflm_exactly_and_to_litert_by_its_tolerance() -> None:
    found = agreement({TFLM: OTHER, LITERT_REF: OTHER})
    tflm, litert = (found.comparisons[name].tensors[0] for name in (TFLM, LITERT_REF))
    assert tflm.bound_absolute == device_bounds(MODEL)[0].absolute == 0
    assert litert.bound_absolute == litert_bounds(MODEL)[0].absolute == 16
    assert (tflm.beyond_bound_elements, litert.beyond_bound_elements) == (2, 0)
    assert tflm.max_error_real == 9 * 0.25


def test_without_the_wheel_the_tree_fills_what_the_oracle_gives() -> None:
    found = agreement(
        {TREE: OUTPUT, LITERT: OTHER}, labels=[0, 1, 2, 2], metric=Metric(name="top1")
    )
    assert found.oracle is TREE
    assert found.figures["outputs_elements"] == 12
    assert found.figures["outputs_differing_elements"] == 0
    assert found.figures["accuracy_host_tflm"] == 0.75
    assert found.figures["arena_host_tflm_bytes"] == 512
    assert set(found.absent) == {"outputs_worst_vector"}


def test_of_two_oracles_the_wheel_is_the_one() -> None:
    found = agreement({TREE: OTHER, TFLM: OUTPUT})
    assert found.oracle is TFLM
    assert found.figures["outputs_differing_elements"] == 0


def test_a_tree_that_failed_in_the_wheels_place_leaves_its_words() -> None:
    found = agreement({LITERT: OUTPUT}, errors={TREE: ReferenceFailure("no compiler")})
    assert found.oracle is None
    assert found.absent["outputs_elements"] == "no compiler"


def test_without_a_metric_accuracies_have_a_reason() -> None:
    found = agreement({TFLM: OUTPUT, LITERT: OUTPUT})
    for name in ("accuracy_device", "accuracy_host_tflm", "accuracy_litert"):
        assert found.absent[name] == NO_METRIC


def test_a_reference_that_failed_leaves_its_words() -> None:
    errors: dict[ReferenceName, HilError] = {TFLM: ReferenceFailure("it died")}
    found = agreement({}, labels=[0, 1, 2, 2], metric=Metric(name="top1"), errors=errors)
    assert found.absent["outputs_elements"] == "it died"
    assert found.absent["accuracy_host_tflm"] == "it died"
    assert found.absent["accuracy_litert"] == "litert is not among the references asked for"
    assert "accuracy_device" not in found.absent


@pytest.mark.parametrize("labels", [[0, 1, 2, 7], None])
def test_labels_that_do_not_fit_are_reasons_not_exceptions(labels: list[int] | None) -> None:
    found = agreement({TFLM: OUTPUT}, labels=labels, metric=Metric(name="top1"))
    assert set(found.score_errors) == {DEVICE, "tflm"}
    assert "label" in found.absent["accuracy_device"]
    assert found.comparisons[TFLM].accuracy is None


def test_a_suites_own_metric_leaves_no_parts(tmp_path: Path) -> None:
    path = tmp_path / "data.py"
    path.write_text("def share(outputs, labels):\n    return float(outputs.max())\n")
    found = agreement(
        {TFLM: OUTPUT},
        metric=Metric(name="data:share", direction="higher"),
        data=SuiteData(path, "test_data"),
    )
    assert found.figures["accuracy_device"] == 9 * 0.25
    assert found.scores[DEVICE].parts is None
