from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.checks.metrics import auc, combine, confusion_matrix, evaluate, is_in_top_k
from hil.data import Vectors
from hil.errors import DataError
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.suite import Metric
from hil.suite_data import SuiteData
from tests import models

DENSE = parse_model(models.dense_float(4, 3), "dense")
AUTOENCODER = parse_model(models.dense_float(4, 4), "autoencoder")
SCORE = parse_model(models.dense_float(4, 1), "score")


def vectors(labels: object, inputs: np.ndarray | None = None) -> Vectors:
    count = 4 if inputs is None else len(inputs)
    rows = np.zeros((count, 1, 4), np.float32) if inputs is None else inputs
    return Vectors((rows,), None if labels is None else np.asarray(labels), "test")


def value(metric: Metric, model: ModelInfo, output: np.ndarray, data: Vectors) -> float:
    return evaluate(metric, model, [output], data, None).value


def test_top1_is_the_share_of_right_classes() -> None:
    outputs = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]].reshape(4, 1, 3)
    assert value(Metric(name="top1"), DENSE, outputs, vectors([0, 1, 2, 2])) == 0.75


def test_the_confusion_matrix_has_labels_as_rows_and_answers_as_columns() -> None:
    outputs = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]].reshape(4, 1, 3)
    matrix = confusion_matrix(DENSE, [outputs], vectors([0, 1, 2, 2]))
    assert matrix == ((1, 0, 0), (0, 1, 0), (1, 0, 1))


def test_ties_go_to_the_lower_class() -> None:
    assert is_in_top_k(np.array([[1.0, 1.0]]), np.array([0]), 1).tolist() == [True]
    assert is_in_top_k(np.array([[1.0, 1.0]]), np.array([1]), 1).tolist() == [False]


def test_topk_takes_the_k_best() -> None:
    scores = np.array([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1]])
    assert is_in_top_k(scores, np.array([2, 2]), 2).mean() == 0.5
    assert is_in_top_k(scores, np.array([2, 2]), 3).mean() == 1.0


def test_quantized_outputs_are_dequantized_first() -> None:
    model = parse_model(models.dense_int8(), "m")  # output scale 0.25
    data = vectors(np.full((4, 3), 1.0))
    assert value(Metric(name="mae"), model, np.full((4, 1, 3), 8, np.int8), data) == 1.0


def test_rmse_and_mae() -> None:
    outputs = np.array([1.0, 2.0, 3.0, 4.0], np.float32).reshape(4, 1, 1)
    data = vectors([0.0, 2.0, 3.0, 0.0])
    assert value(Metric(name="mae"), SCORE, outputs, data) == 1.25
    assert value(Metric(name="rmse"), SCORE, outputs, data) == pytest.approx(np.sqrt(17 / 4))


def test_auc_by_ranks() -> None:
    labels = np.array([0, 0, 1, 1], bool)
    assert auc(np.array([0.1, 0.2, 0.3, 0.4]), labels) == 1.0
    assert auc(np.array([0.4, 0.3, 0.2, 0.1]), labels) == 0.0
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), labels) == 0.5
    assert auc(np.array([0.1, 0.3, 0.2, 0.4]), labels) == 0.75


def test_an_autoencoder_is_scored_by_its_reconstruction_error() -> None:
    inputs = np.zeros((4, 1, 4), np.float32)
    outputs = inputs.copy()
    outputs[2:] = 1.0
    data = vectors([0, 0, 1, 1], inputs)
    assert value(Metric(name="auc"), AUTOENCODER, outputs, data) == 1.0


def test_an_autoencoder_without_labels_is_held_against_its_input() -> None:
    inputs = np.ones((4, 1, 4), np.float32)
    assert value(Metric(name="mae"), AUTOENCODER, inputs * 3, vectors(None, inputs)) == 2.0


@pytest.mark.parametrize(
    ("metric", "labels", "message"),
    [
        ("top1", None, "has no labels"),
        ("top1", [0, 1, 2, 3], "labels go from 0 to 3"),
        ("top1", [0, 1, 2, -1], "labels go from -1"),
        ("top1", [0.5, 1, 2, 0], "must be N integers"),
        ("auc", [0, 0, 0, 0], "both present"),
        ("mae", [1.0, 2.0, 3.0, 4.0], "1 label values per vector"),
    ],
)
def test_labels_that_do_not_fit_are_refused(metric: str, labels: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        value(Metric(name=metric), DENSE, np.zeros((4, 1, 3), np.float32), vectors(labels))


def test_every_vector_leaves_what_the_metric_is_made_of() -> None:
    outputs = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]].reshape(4, 1, 3)
    top1 = evaluate(Metric(name="top1"), DENSE, [outputs], vectors([0, 1, 2, 2]), None)
    assert top1.parts == (1, 1, 1, 0)
    assert all(isinstance(part, int) for part in top1.parts or ())
    scores = np.array([1.0, 2.0, 3.0, 5.0], np.float32).reshape(4, 1, 1)
    wanted = vectors([0.0, 2.0, 3.0, 7.0])
    assert evaluate(Metric(name="mae"), SCORE, [scores], wanted, None).parts == (1, 0, 0, 2)
    assert evaluate(Metric(name="rmse"), SCORE, [scores], wanted, None).parts == (1, 0, 0, 4)
    ranked = evaluate(Metric(name="auc"), SCORE, [scores], vectors([0, 1, 0, 1]), None)
    assert ranked.parts == (1, 2, 3, 5)
    assert ranked.labels == (0, 1, 0, 1)


@pytest.mark.parametrize("metric", ["top1", "mae", "rmse", "auc"])
def test_a_metric_follows_from_its_parts(metric: str) -> None:
    generator = np.random.default_rng(4)
    model = DENSE if metric == "top1" else SCORE
    outputs = generator.normal(size=(20, 1, 3 if metric == "top1" else 1)).astype(np.float32)
    rows = np.zeros((20, 1, 4), np.float32)
    score = evaluate(Metric(name=metric), model, [outputs], vectors(np.arange(20) % 2, rows), None)
    labels = None if score.labels is None else np.array(score.labels, bool)
    assert score.parts is not None
    assert combine(metric, np.array(score.parts, float), labels) == score.value


def test_outputs_that_are_nan_have_no_metric() -> None:
    outputs = np.full((4, 1, 1), np.nan, np.float32)
    with pytest.raises(DataError, match="not a number"):
        value(Metric(name="mae"), SCORE, outputs, vectors([0.0, 1.0, 2.0, 3.0]))


def test_a_suites_own_metric_is_called(tmp_path: Path) -> None:
    path = tmp_path / "data.py"
    path.write_text("def share(outputs, labels):\n    return float(outputs.shape[1] + labels[0])\n")
    metric = Metric(name="data:share", direction="higher")
    outputs = np.zeros((4, 1, 3), np.float32)
    data = SuiteData(path, "test_data")
    assert evaluate(metric, DENSE, [outputs], vectors([2, 0, 0, 0]), data).value == 5.0


def test_a_suites_own_metric_must_give_a_number(tmp_path: Path) -> None:
    path = tmp_path / "data.py"
    path.write_text("def share(outputs, labels):\n    return float('nan')\n")
    metric = Metric(name="data:share", direction="higher")
    with pytest.raises(DataError, match="not a number"):
        evaluate(
            metric,
            DENSE,
            [np.zeros((4, 1, 3), np.float32)],
            vectors([0] * 4),
            SuiteData(path, "test_data"),
        )


# Two sequences, of three steps and of one: the answers are classes 0, 1, 1 and 2.
STEPS = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]].reshape(4, 1, 3)
LENGTHS = (3, 1)


def sequences(labels: object, inputs: np.ndarray | None = None) -> Vectors:
    return replace(vectors(labels, inputs), sequence_lengths=LENGTHS)


@pytest.mark.parametrize(
    ("metric", "labels", "expected", "parts"),
    [
        (Metric(name="top1"), [0, 0, 1, 2], 0.75, (1, 0, 1, 1)),
        (Metric(name="top1"), [1, 2], 0.75, (0, 1, 1, 1)),  # of each sequence, for all its steps
        (Metric(name="top1", over="last"), [1, 0], 0.5, (1, 0)),
        (Metric(name="top1", over="last"), [0, 0, 1, 2], 1.0, (1, 1)),  # that of the last step
        (Metric(name="top1", over="mean"), [1, 2], 1.0, (1, 1)),
        (Metric(name="mae", over="mean"), [[1 / 3, 2 / 3, 0], [0, 0, 1]], 0.0, (0.0, 0.0)),
    ],
)
def test_a_metric_over_steps_or_sequences(
    metric: Metric, labels: object, expected: float, parts: tuple[float, ...]
) -> None:
    score = evaluate(metric, DENSE, [STEPS], sequences(labels), None)
    assert score.value == pytest.approx(expected)
    assert score.parts == pytest.approx(parts)


def test_an_autoencoders_errors_are_averaged_over_a_sequence() -> None:
    outputs = np.zeros((4, 1, 4), np.float32)
    inputs = np.array([3.0, 0.0, 0.0, 4.0], np.float32).reshape(4, 1, 1).repeat(4, axis=2)
    mae, ranking = (Metric(name=name, over="mean") for name in ("mae", "auc"))
    score = evaluate(mae, AUTOENCODER, [outputs], sequences(None, inputs), None)
    assert score.parts == (1.0, 4.0)
    ranked = evaluate(ranking, AUTOENCODER, [outputs], sequences([0, 1], inputs), None)
    assert ranked.value == 1.0
    assert ranked.parts == (3.0, 16.0)  # mean squares


def test_without_sequences_every_vector_stands_for_itself() -> None:
    plain = vectors([0, 1, 1, 0])
    values = [
        value(Metric.model_validate({"name": "top1", "over": over}), DENSE, STEPS, plain)
        for over in ("step", "last", "mean")
    ]
    assert values == [0.75, 0.75, 0.75]


def test_the_confusion_matrix_of_sequences() -> None:
    matrix = confusion_matrix(DENSE, [STEPS], sequences([0, 2]), "last")
    assert matrix == ((0, 1, 0), (0, 0, 0), (0, 0, 1))


def test_a_suites_own_metric_is_given_sequences(tmp_path: Path) -> None:
    path = tmp_path / "data.py"
    path.write_text("def rows(outputs, labels):\n    return 10 * len(outputs) + len(labels)\n")
    data = SuiteData(path, "test_data")
    metric = Metric(name="data:rows", direction="higher", over="last")
    assert evaluate(metric, DENSE, [STEPS], sequences([0, 2]), data).value == 22
