from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hil.data import Array, dequantize, load_npz, quantize, random_vectors, vectors_for
from hil.errors import DataError
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from tests import models


@pytest.fixture
def dense() -> ModelInfo:
    return parse_model(models.dense_float(4, 3), "dense")


@pytest.fixture
def dense_int8() -> ModelInfo:
    return parse_model(models.dense_int8(), "dense")


@pytest.mark.parametrize("shape", [(5, 4), (5, 1, 4)])
def test_inputs_come_with_or_without_the_batch(dense: ModelInfo, shape: tuple[int, ...]) -> None:
    vectors = vectors_for(dense, {"x": np.zeros(shape, np.float32)}, "test")
    assert vectors.inputs[0].shape == (5, 1, 4)
    assert vectors.count == 5


def test_schemes_of_one_suite_have_one_source(dense: ModelInfo, dense_int8: ModelInfo) -> None:
    arrays: dict[str, Array] = {"x": np.eye(4, dtype=np.float32), "y": np.arange(4)}
    first = vectors_for(dense, arrays, "test")
    second = vectors_for(dense_int8, arrays, "test")
    assert first.source_sha256 == second.source_sha256
    assert first.sha256 != second.sha256
    arrays["y"] = np.arange(4) + 1
    assert vectors_for(dense, arrays, "test").source_sha256 != first.source_sha256


def test_a_wrong_shape_says_which_is_right(dense: ModelInfo) -> None:
    with pytest.raises(DataError, match=r"\(5, 3\), not N x 4"):
        vectors_for(dense, {"x": np.zeros((5, 3), np.float32)}, "test")


def test_floats_are_quantized_for_an_integer_model(dense_int8: ModelInfo) -> None:
    vectors = vectors_for(dense_int8, {"x": np.array([[0.0, 0.5, -0.74, 1000.0]])}, "test")
    assert vectors.inputs[0].dtype == np.int8
    assert vectors.inputs[0].ravel().tolist() == [0, 1, -1, 127]


def test_halves_are_rounded_away_from_zero(dense_int8: ModelInfo) -> None:
    (tensor,) = dense_int8.input_tensors
    halves = np.array([0.25, 0.75, 1.25, -0.25, -0.75])
    assert quantize(halves, tensor).tolist() == [1, 2, 3, -1, -2]


def test_dequantize_undoes_quantize(dense_int8: ModelInfo) -> None:
    (tensor,) = dense_int8.input_tensors
    values = np.array([-3.0, 0.0, 2.5])
    assert dequantize(quantize(values, tensor), tensor).tolist() == values.tolist()


def test_integers_are_not_taken_for_floats(dense: ModelInfo) -> None:
    with pytest.raises(DataError, match="int64"):
        vectors_for(dense, {"x": np.zeros((2, 4), np.int64)}, "test")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(dense: ModelInfo, bad: float) -> None:
    with pytest.raises(DataError, match="NaN or infinity"):
        vectors_for(dense, {"x": np.full((2, 4), bad, np.float32)}, "test")


def test_no_vectors_are_refused(dense: ModelInfo) -> None:
    with pytest.raises(DataError, match="no vectors"):
        vectors_for(dense, {"x": np.zeros((0, 4), np.float32)}, "test")


def test_labels_must_be_as_many(dense: ModelInfo) -> None:
    with pytest.raises(DataError, match="3 vectors, but 2 labels"):
        vectors_for(dense, {"x": np.zeros((3, 4), np.float32), "y": np.zeros(2)}, "test")


def test_a_missing_array_names_what_is_there(dense: ModelInfo) -> None:
    with pytest.raises(DataError, match="'x' is missing") as caught:
        vectors_for(dense, {"inputs": np.zeros((3, 4))}, "test")
    assert "inputs" in caught.value.hint


def test_an_unknown_array_is_refused(dense: ModelInfo) -> None:
    with pytest.raises(DataError, match="unknown array 'label'"):
        arrays: dict[str, Array] = {"x": np.zeros((3, 4), np.float32), "label": np.zeros(3)}
        vectors_for(dense, arrays, "test")


def test_an_input_may_be_named(dense: ModelInfo) -> None:
    name = dense.input_tensors[0].name
    assert vectors_for(dense, {f"x:{name}": np.zeros((2, 4), np.float32)}, "test").count == 2


def test_random_vectors_are_seeded(dense_int8: ModelInfo) -> None:
    one, same, other = (random_vectors(dense_int8, 10, seed) for seed in (1, 1, 2))
    assert one.sha256 == same.sha256 != other.sha256
    assert one.inputs[0].dtype == np.int8


def test_an_npz_file_is_loaded(dense: ModelInfo, tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    np.savez(path, x=np.ones((2, 4), np.float32), y=np.array([0, 1]))
    vectors = load_npz(dense, path)
    assert vectors.labels is not None
    assert vectors.input_bytes(0) == [np.ones(4, np.float32).tobytes()]


def test_pickled_objects_are_refused(dense: ModelInfo, tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match=r"no usable \.npz"):
        load_npz(dense, path)


@pytest.mark.parametrize("content", [b"", b"not a zip file at all", b"PK\x03\x04 but cut"])
def test_another_file_is_no_npz(dense: ModelInfo, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.npz"
    path.write_bytes(content)
    with pytest.raises(DataError):
        load_npz(dense, path)


def test_a_lone_array_is_no_npz(dense: ModelInfo, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.zeros((3, 4), np.float32))
    with pytest.raises(DataError, match=r"no usable \.npz"):
        load_npz(dense, tmp_path / "v.npy")


STEPS = {"x": np.zeros((6, 4), np.float32), "sequence": np.array([3, 3, 3, 7, 9, 9])}


def test_steps_of_sequences_say_where_state_begins_anew(dense_model: ModelInfo) -> None:
    vectors = vectors_for(dense_model, STEPS, "test")
    assert vectors.sequence_lengths == (3, 1, 2)
    assert vectors.starts == (0, 3, 4)
    assert [vectors.start_of(i) for i in range(6)] == [0, 0, 0, 3, 4, 4]
    assert vectors.name_of(5) == "vector 5 (sequence 2, step 1)"


def test_vectors_without_sequences_begin_once(dense_model: ModelInfo) -> None:
    vectors = vectors_for(dense_model, {"x": STEPS["x"]}, "test")
    assert vectors.sequence_lengths is None
    assert vectors.starts == (0,)
    assert vectors.start_of(5) == 0
    assert vectors.name_of(5) == "vector 5"


def test_the_digest_tells_sequences_apart(dense_model: ModelInfo) -> None:
    plain = vectors_for(dense_model, {"x": STEPS["x"]}, "test")
    one = vectors_for(dense_model, STEPS, "test")
    other = vectors_for(dense_model, STEPS | {"sequence": np.array([3, 3, 7, 7, 9, 9])}, "test")
    assert len({plain.sha256, one.sha256, other.sha256}) == 3
    renumbered = np.array([0, 0, 0, 1, 2, 2])
    assert vectors_for(dense_model, STEPS | {"sequence": renumbered}, "test").sha256 == one.sha256


@pytest.mark.parametrize("labels", [6, 3])
def test_labels_are_per_step_or_per_sequence(dense_model: ModelInfo, labels: int) -> None:
    vectors = vectors_for(dense_model, STEPS | {"y": np.arange(labels)}, "test")
    assert vectors.labels is not None
    assert len(vectors.labels) == labels
    alone = vectors.only(4).labels
    assert (alone is None) == (labels == 3)


def test_labels_that_fit_neither_are_refused(dense_model: ModelInfo) -> None:
    with pytest.raises(DataError, match="6 vectors in 3 sequences, but 2 labels"):
        vectors_for(dense_model, STEPS | {"y": np.arange(2)}, "test")


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([0, 0, 1, 1, 0, 2], "the steps of sequence 0 do not stand together"),
        ([0, 0, 1], r"int64 of shape \(3,\), not 6 integers"),
        ([0.0, 0.0, 1.0, 1.0, 2.0, 2.0], "float64"),
        ([[0, 0, 1, 1, 2, 2]], r"shape \(1, 6\)"),
    ],
)
def test_sequences_that_are_none_are_refused(
    dense_model: ModelInfo, numbers: list[object], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        vectors_for(dense_model, STEPS | {"sequence": np.array(numbers)}, "test")
