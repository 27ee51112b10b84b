from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil.data import Inputs, Vectors, vectors_for
from hil.errors import ConfigError, DataError, ModelError
from hil.model.convert import Conversion, Converter
from hil.model.convert_keras import from_keras
from hil.vocab import CONVERSIONS, Scheme
from tests.extras import needs_quantizer, needs_tensorflow

pytestmark = needs_tensorflow

ROWS = np.random.default_rng(5).random((8, 12, 1, 6), np.float32)


@pytest.fixture(scope="module")
def keras_model() -> Any:
    """Large enough that TFLiteConverter quantizes its dense layer in dynamic range, too."""
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 1, 6)),
            layers.Conv2D(8, (3, 1), padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(4),
        ]
    )


@pytest.fixture(scope="module")
def sources(keras_model: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same model as each kind of source."""
    folder = tmp_path_factory.mktemp("sources")
    paths = {name: folder / name for name in ("model.keras", "model.h5", "saved")}
    keras_model.save(paths["model.keras"])
    keras_model.save(paths["model.h5"])
    keras_model.export(paths["saved"])
    return paths


@pytest.fixture(scope="module")
def converter() -> Iterator[Converter]:
    with Converter() as started:
        yield started


def rows(model: Inputs) -> Vectors:
    return vectors_for(model, {"x": ROWS}, "rows")


def convert(
    converter: Converter, source: Path, scheme: Scheme, *, per_channel_dense: bool = False
) -> Conversion:
    needed = scheme in (Scheme.INT8, Scheme.INT16X8)
    calibration = rows if needed else None
    return converter.convert(source, scheme, calibration, per_channel_dense=per_channel_dense)


@needs_quantizer
@pytest.mark.parametrize("source", ["model.keras", "saved"])
@pytest.mark.parametrize("scheme", CONVERSIONS)
def test_twice_gives_the_same_bytes_of_the_scheme_asked_for(
    converter: Converter, sources: dict[str, Path], source: str, scheme: Scheme
) -> None:
    first = convert(converter, sources[source], scheme)
    assert first.model.scheme is scheme
    assert [tensor.shape for tensor in first.model.input_tensors] == [(1, 12, 1, 6)]
    assert "SHAPE" not in first.model.operator_names
    assert convert(converter, sources[source], scheme).model.content == first.model.content


def test_an_older_keras_file_gives_the_same_weights(
    converter: Converter, sources: dict[str, Path]
) -> None:
    new, old = (
        convert(converter, sources[name], Scheme.FLOAT32).model
        for name in ("model.keras", "model.h5")
    )
    assert (old.macs, old.operator_names) == (new.macs, new.operator_names)


def test_a_file_of_two_processes_is_the_same(
    converter: Converter, sources: dict[str, Path]
) -> None:
    first = convert(converter, sources["model.keras"], Scheme.INT8).model.content
    with Converter() as fresh:
        assert convert(fresh, sources["model.keras"], Scheme.INT8).model.content == first


@pytest.mark.parametrize(("asked", "scales"), [(False, {1}), (True, {32, 4})])
def test_dense_layers_are_per_tensor_unless_asked_otherwise(
    converter: Converter, sources: dict[str, Path], asked: bool, scales: set[int]
) -> None:
    source = sources["model.keras"]
    model = convert(converter, source, Scheme.INT8, per_channel_dense=asked).model
    dense = [o for o in model.operators if o.name == "FULLY_CONNECTED"]
    assert {len(model.tensors[o.inputs[1]].scales) for o in dense} == scales


def test_integer_schemes_have_integer_inputs_and_outputs(
    converter: Converter, sources: dict[str, Path]
) -> None:
    for scheme, kind in ((Scheme.INT8, "INT8"), (Scheme.INT16X8, "INT16")):
        model = convert(converter, sources["model.keras"], scheme).model
        assert [t.type for t in (*model.input_tensors, *model.output_tensors)] == [kind] * 2


@needs_quantizer
def test_weight_only_names_both_tools(converter: Converter, sources: dict[str, Path]) -> None:
    tools = convert(converter, sources["model.keras"], Scheme.WEIGHT_ONLY).provenance.tools
    assert {"keras", "ai-edge-quantizer"} <= set(tools)


def test_weights_too_small_to_be_quantized_are_told(converter: Converter, tmp_path: Path) -> None:
    import keras

    small = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    small.save(tmp_path / "small.keras")
    with pytest.raises(ModelError, match="made a float32 model, not dynamic") as caught:
        convert(converter, tmp_path / "small.keras", Scheme.DYNAMIC)
    assert "fewer than 1,024 elements" in caught.value.hint


@pytest.mark.parametrize("source", ["two.keras", "two"])
def test_two_inputs_are_calibrated_each_with_its_own(
    converter: Converter, tmp_path: Path, source: str
) -> None:
    import keras

    left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
    both = keras.layers.Add()([keras.layers.Dense(3)(left), keras.layers.Dense(3)(right)])
    two = keras.Model([left, right], both)
    two.save(tmp_path / "two.keras")
    two.export(tmp_path / "two")

    def vectors(inputs: Inputs) -> Vectors:
        arrays = {
            "x:left": np.full((6, 4), 1.0, np.float32),
            "x:right": np.full((6, 2), 9.0, np.float32),
        }
        return vectors_for(inputs, arrays, "both")

    model = converter.convert(tmp_path / source, Scheme.INT8, vectors).model
    largest = {t.shape[1]: t.scales[0] * (127 - t.zero_points[0]) for t in model.input_tensors}
    assert largest == {4: pytest.approx(1, rel=0.01), 2: pytest.approx(9, rel=0.01)}


def test_a_conversion_that_came_to_nothing_leaves_nothing_for_the_next(
    converter: Converter, sources: dict[str, Path], tmp_path: Path
) -> None:
    import keras

    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save(tmp_path / "other.keras")
    with pytest.raises(DataError, match="not N x 4"):
        convert(converter, tmp_path / "other.keras", Scheme.INT8)
    model = convert(converter, sources["model.keras"], Scheme.FLOAT32).model
    assert model.input_tensors[0].shape == (1, 12, 1, 6)


def test_a_free_dimension_is_refused(converter: Converter, tmp_path: Path) -> None:
    import keras

    layers = [keras.Input((None, 1, 6)), keras.layers.Conv2D(2, 1)]
    keras.Sequential(layers).save(tmp_path / "free.keras")
    with pytest.raises(ModelError, match="free dimensions"):
        convert(converter, tmp_path / "free.keras", Scheme.FLOAT32)


@pytest.mark.parametrize("name", ["broken.keras", "broken.h5"])
def test_a_broken_file_is_told(converter: Converter, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match=f"cannot load {name}"):
        convert(converter, tmp_path / name, Scheme.FLOAT32)


def test_a_broken_saved_model_is_told(converter: Converter, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="cannot load"):
        convert(converter, tmp_path, Scheme.FLOAT32)


def test_recurrent_layers_that_kill_the_converter_end_as_an_error(
    converter: Converter, tmp_path: Path
) -> None:
    import keras

    keras.Sequential([keras.Input((12, 6)), keras.layers.LSTM(4)]).save(tmp_path / "lstm.keras")
    with Converter() as own, pytest.raises(ModelError, match=r"SIG(SEGV|ABRT)"):
        own.convert(
            tmp_path / "lstm.keras",
            Scheme.INT8,
            lambda model: vectors_for(model, {"x": ROWS[:, :, 0]}, "rows"),
        )


def test_a_model_in_memory_is_converted_as_it_stands(keras_model: Any) -> None:
    for scheme in (Scheme.FLOAT32, Scheme.INT8):
        assert from_keras(keras_model, scheme, ROWS)[4:8] == b"TFL3"
    with pytest.raises(ConfigError, match="no weight_only"):
        from_keras(keras_model, Scheme.WEIGHT_ONLY, ROWS)


@pytest.fixture(scope="module")
def two_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel of the sum of two inputs, which the file has in the other order."""
    import tensorflow as tf

    names = ("aa", "bb")
    module = tf.Module()
    module.sum = tf.function(
        lambda aa, bb: {"y": tf.matmul(bb, tf.ones((4, 4))) + aa},
        input_signature=[tf.TensorSpec((None, 4), tf.float32, name=name) for name in names],
    )
    folder = tmp_path_factory.mktemp("two") / "saved"
    tf.saved_model.save(module, str(folder), signatures=module.sum)
    return folder


def test_each_input_of_a_saved_model_is_calibrated_by_its_own_vectors(
    converter: Converter, two_inputs: Path
) -> None:
    generator = np.random.default_rng(7)
    arrays = {
        "x:aa": generator.uniform(-1, 1, (50, 4)).astype(np.float32),
        "x:bb": generator.uniform(0, 200, (50, 4)).astype(np.float32),
    }
    done = converter.convert(
        two_inputs, Scheme.INT8, lambda model: vectors_for(model, arrays, "two")
    )
    scales = {
        name: t.scales[0]
        for t in done.model.input_tensors
        for name in ("aa", "bb")
        if name in t.name
    }
    assert scales["aa"] == pytest.approx(2 / 255, rel=0.1)
    assert scales["bb"] == pytest.approx(200 / 255, rel=0.1)
