"""Accuracy metrics, on real values: quantized outputs are dequantized first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

from hil.data import Array, Vectors, dequantize
from hil.errors import DataError
from hil.model.info import ModelInfo
from hil.suite import Metric
from hil.suite_data import SuiteData
from hil.vocab import SHARES

MAX_CONFUSION_CLASSES = 64

Real = npt.NDArray[np.float64]
Over = Literal["step", "last", "mean"]


@dataclass(frozen=True)
class Score:
    """A metric, and what it was made of: one part per vector, None where there is no such thing.

    Parts: 0 or 1 for top1 and topk, a mean error for mae, a mean square for rmse; for auc the score
    of the vector, whose labels are in `labels`. A metric over sequences has a part for each.
    """

    value: float
    parts: tuple[float, ...] | None = None
    labels: tuple[int, ...] | None = None


def evaluate(
    metric: Metric,
    model: ModelInfo,
    outputs: Sequence[Array],
    vectors: Vectors,
    data: SuiteData | None,
) -> Score:
    """The metric of `outputs` (one array of N x output shape per output tensor).

    Over the last step or the mean of each sequence it is the outputs of that step, or their mean,
    that are scored; where steps are held against their own inputs (autoencoders), their errors.
    Raises DataError when labels are missing or do not fit.
    """
    real = [
        dequantize(array, tensor).reshape(vectors.count, -1)
        for array, tensor in zip(outputs, model.output_tensors, strict=True)
    ]
    if metric.function is not None:
        if data is None:
            raise DataError(f"metric {metric.name} needs a suite's data module")
        output = _reduced(real[0], vectors, metric.over)
        labels_given = None if vectors.labels is None else _labels(vectors, metric.over)
        value = data.call(metric.function, output, labels_given)
        return Score(_finite(value, metric.name))
    labels = _binary_labels(vectors, metric.over) if metric.name == "auc" else None
    parts = _parts(metric, model, real[0], vectors)
    return Score(
        value=_finite(combine(metric.name, parts, labels), metric.name),
        parts=tuple((parts.astype(int) if metric.name in SHARES else parts).tolist()),
        labels=None if labels is None else tuple(labels.astype(int).tolist()),
    )


def _parts(metric: Metric, model: ModelInfo, output: Real, vectors: Vectors) -> Real:
    """One number per vector or sequence, of which `combine` makes the metric."""
    over = metric.over
    if metric.name in SHARES:
        labels = _class_labels(vectors, output.shape[1], over)
        return is_in_top_k(_reduced(output, vectors, over), labels, metric.k or 1).astype(
            np.float64
        )
    if metric.name == "auc":
        return _reduced(_scores(model, output, vectors), vectors, over)
    if vectors.labels is None:
        return _reduced(_errors(metric, output, _own_input(model, output, vectors)), vectors, over)
    output = _reduced(output, vectors, over)
    return _errors(metric, output, _wanted_values(output, vectors, over))


def _errors(metric: Metric, output: Real, wanted: Real) -> Real:
    """The mean error of each row, absolute for mae, squared otherwise."""
    errors = output - wanted
    return np.asarray(np.mean(np.abs(errors) if metric.name == "mae" else errors**2, axis=1))


def _reduced(values: Real, vectors: Vectors, over: Over) -> Real:
    """One row for each sequence instead of each step; the same without sequences."""
    if over == "step" or vectors.sequence_lengths is None:
        return values
    lengths = np.array(vectors.sequence_lengths)
    if over == "last":
        ends: Real = values[np.cumsum(lengths) - 1]
        return ends
    sums: Real = np.add.reduceat(values, vectors.starts, axis=0)
    return np.asarray(sums / lengths.reshape(-1, *[1] * (values.ndim - 1)))


def confusion_matrix(
    model: ModelInfo, outputs: Sequence[Array], vectors: Vectors, over: Over = "step"
) -> tuple[tuple[int, ...], ...]:
    """Vectors, or sequences, by label (row) and by highest output (column) of the first output.

    Raises DataError when the labels are no classes of the model, or the classes too many to show.
    """
    real = dequantize(outputs[0], model.output_tensors[0]).reshape(vectors.count, -1)
    classes = real.shape[1]
    if classes > MAX_CONFUSION_CLASSES:
        raise DataError(f"{classes} classes are more than {MAX_CONFUSION_CLASSES}")
    labels = _class_labels(vectors, classes, over)
    real = _reduced(real, vectors, over)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, real.argmax(axis=1)), 1)
    return tuple(tuple(row) for row in counts.tolist())


def combine(name: str, parts: Real, labels: npt.NDArray[np.bool_] | None = None) -> float:
    """The metric called `name` of its parts, one per vector; auc needs their labels."""
    if name == "auc":
        assert labels is not None
        return auc(parts, labels)
    mean = float(np.mean(parts))
    return sqrt(mean) if name == "rmse" else mean


def is_in_top_k(scores: Real, labels: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.bool_]:
    """Rows whose label is among the k highest scores; ties count for the lower class."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.asarray((best == labels[:, np.newaxis]).any(axis=1))


def auc(scores: Real, labels: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve, by ranks (Mann-Whitney U), ties counted half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = int(labels.sum())
    negatives = len(labels) - positives
    u = float(ranks[labels].sum()) - positives * (positives + 1) / 2
    return u / (positives * negatives)


def _labels(vectors: Vectors, over: Over) -> Array:
    """One for each vector, or for each sequence when the metric is over those.

    A sequence's label is that of its last step where steps have their own, and that of each of its
    steps where they have none.
    """
    if vectors.labels is None:
        raise DataError(f"{vectors.source} has no labels, and the metric needs them")
    lengths = vectors.sequence_lengths
    if lengths is None:
        return vectors.labels
    is_per_step = len(vectors.labels) == vectors.count
    if over == "step":
        return vectors.labels if is_per_step else np.repeat(vectors.labels, lengths, axis=0)
    return vectors.labels[np.cumsum(lengths) - 1] if is_per_step else vectors.labels


def _class_labels(vectors: Vectors, classes: int, over: Over) -> npt.NDArray[np.int64]:
    labels = _labels(vectors, over)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{vectors.source}: class labels must be N integers")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(
            f"{vectors.source}: labels go from {labels.min()} to {labels.max()}, "
            f"the model has {classes} classes"
        )
    return labels.astype(np.int64)


def _binary_labels(vectors: Vectors, over: Over) -> npt.NDArray[np.bool_]:
    labels = _labels(vectors, over)
    values = set(np.unique(labels).tolist())
    if labels.ndim != 1 or values != {0, 1}:
        raise DataError(f"{vectors.source}: auc needs labels 0 and 1, both present")
    return labels.astype(bool)


def _scores(model: ModelInfo, output: Real, vectors: Vectors) -> Real:
    """One score per vector: the output itself, or an autoencoder's reconstruction error."""
    if output.shape[1] == 1:
        return output[:, 0]
    wanted = _input_values(model, vectors)
    if wanted.shape != output.shape:
        raise DataError("auc needs one output value, or an output of the input's shape")
    return np.asarray(np.mean((output - wanted) ** 2, axis=1))


def _wanted_values(output: Real, vectors: Vectors, over: Over) -> Real:
    """The labels."""
    labels = _labels(vectors, over).astype(np.float64)
    return _of_shape(labels.reshape(len(labels), -1), output, vectors)


def _own_input(model: ModelInfo, output: Real, vectors: Vectors) -> Real:
    """The input itself, which an autoencoder is to give back."""
    return _of_shape(_input_values(model, vectors), output, vectors)


def _of_shape(wanted: Real, output: Real, vectors: Vectors) -> Real:
    if wanted.shape != output.shape:
        raise DataError(
            f"{vectors.source}: {wanted.shape[1]} label values per vector, "
            f"the model gives {output.shape[1]}"
        )
    return wanted


def _input_values(model: ModelInfo, vectors: Vectors) -> Real:
    return dequantize(vectors.inputs[0], model.input_tensors[0]).reshape(vectors.count, -1)


def _finite(value: object, name: str) -> float:
    if not isinstance(value, int | float | np.number) or not np.isfinite(float(value)):
        raise DataError(f"metric {name} gave {value!r}, not a number")
    return float(value)
