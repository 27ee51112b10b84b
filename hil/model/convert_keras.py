"""Keras models and SavedModels to `.tflite` by TFLiteConverter (extra `train`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.errors import ConfigError, ModelError
from hil.model.provenance import SourceKind
from hil.vocab import Scheme

Array = npt.NDArray[np.generic]

TENSORFLOW_PACKAGES = ("tensorflow", "tensorflow-cpu")
SERVING = "serving_default"


def tools() -> dict[str, str]:
    """Versions of what takes part. Raises ConfigError when TensorFlow is not installed."""
    try:
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "TensorFlow is not installed",
            hint='pip install "tflm-hil[train]", or convert a float32 .tflite, which needs only '
            '"tflm-hil[quantize]"',
        ) from error
    found = {}
    for package in (*TENSORFLOW_PACKAGES, "keras"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True)
class Input:
    """An input of a model: its name, its shape with a batch of 1, and its type in the schema."""

    name: str
    shape: tuple[int, ...]
    type: str


@dataclass(frozen=True)
class Prepared:
    """A loaded model with a batch of 1, and the converter that takes it.

    It is calibrated by `names`: the inputs' order in the file follows from nothing else.
    """

    converter: Any
    inputs: tuple[Input, ...]
    names: tuple[str, ...]
    # A SavedModel's variables live as long as it does.
    origin: Any


def prepare(source: Path, kind: SourceKind) -> Prepared:
    """Loads the Keras file or SavedModel at `source`. Raises ModelError when that fails."""
    import keras

    if kind is SourceKind.SAVED_MODEL:
        return _prepare_saved_model(source)
    keras.utils.clear_session()  # names of tensors count on from the last model
    try:
        model = keras.models.load_model(source, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"Keras cannot load {source.name}: {error}") from error
    inputs = tuple(_input(tensor.name, tensor) for tensor in model.inputs)
    return _prepare_keras(model, inputs)


def from_keras(model: Any, scheme: Scheme, calibration: Array) -> bytes:
    """`model`, which has one input, as a `.tflite` file with its batch fixed to 1.

    `calibration` (N x input shape, float32) sets the ranges of integer schemes. Weights of dense
    layers are quantized per tensor: TFLM up to 2024 takes only the first scale of a per-channel
    one and computes wrong values without a word. Raises ConfigError for `weight_only`, which
    TFLiteConverter does not have.
    """
    prepared = _prepare_keras(model, ())
    rows = calibration[:, np.newaxis]
    return convert(prepared, scheme, [rows], per_channel_dense=False)


def convert(
    prepared: Prepared, scheme: Scheme, calibration: Sequence[Array], *, per_channel_dense: bool
) -> bytes:
    """A `.tflite` file in `scheme`; `calibration` holds N x shape, float32, for each input."""
    import tensorflow as tf

    if scheme is Scheme.WEIGHT_ONLY:
        raise ConfigError("TFLiteConverter has no weight_only: quantize its float32 file")
    converter = prepared.converter
    converter._experimental_disable_per_channel_quantization_for_dense_layers = (
        not per_channel_dense
    )
    operators = tf.lite.OpsSet
    integers = {
        Scheme.INT8: (operators.TFLITE_BUILTINS_INT8, tf.int8),
        Scheme.INT16X8: (
            operators.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            tf.int16,
        ),
    }
    if scheme is not Scheme.FLOAT32:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme is Scheme.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if scheme in integers:
        kernels, data_type = integers[scheme]
        converter.representative_dataset = lambda: _rows(prepared.names, calibration)
        converter.target_spec.supported_ops = [kernels]
        converter.inference_input_type = data_type
        converter.inference_output_type = data_type
    content: bytes = converter.convert()
    return content


def _rows(names: tuple[str, ...], calibration: Sequence[Array]) -> Iterator[dict[str, Array]]:
    for row in zip(*calibration, strict=True):
        yield dict(zip(names, row, strict=True))


def _prepare_keras(model: Any, inputs: tuple[Input, ...]) -> Prepared:
    import tensorflow as tf

    fixed = _with_batch_of_one(model)
    names = tuple(tensor.name for tensor in fixed.inputs)
    return Prepared(tf.lite.TFLiteConverter.from_keras_model(fixed), inputs, names, fixed)


def _with_batch_of_one(model: Any) -> Any:
    """The same layers on inputs of batch 1: with a free batch the converter adds SHAPE and PACK
    around every Flatten, which TFLM of 2020 does not have.
    """
    import keras

    inputs = [
        keras.Input(batch_shape=_fixed(tensor.shape, tensor.name), dtype=tensor.dtype)
        for tensor in model.inputs
    ]
    fixed = keras.models.clone_model(model, input_tensors=inputs[0] if len(inputs) == 1 else inputs)
    fixed.set_weights(model.get_weights())
    return fixed


def _prepare_saved_model(folder: Path) -> Prepared:
    """The serving signature with its batch fixed to 1."""
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(folder))
    except (OSError, ValueError) as error:
        raise ModelError(f"TensorFlow cannot load {folder.name}: {error}") from error
    signature = loaded.signatures.get(SERVING)
    if signature is None:
        known = ", ".join(loaded.signatures) or "none"
        raise ModelError(f"{folder.name} has no signature {SERVING!r}", hint=f"it has: {known}")
    specs: Mapping[str, Any] = signature.structured_input_signature[1]
    fixed = {
        name: tf.TensorSpec(_fixed(spec.shape, name), spec.dtype, name=name)
        for name, spec in specs.items()
    }
    function = tf.function(lambda **inputs: signature(**inputs))
    concrete = function.get_concrete_function(**fixed)
    order = [tensor.name.split(":")[0] for tensor in concrete.inputs]
    inputs = tuple(_input(name, fixed[name]) for name in input_order(order, fixed))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], loaded)
    return Prepared(converter, inputs, tuple(each.name for each in inputs), loaded)


def input_order(traced: Sequence[str], names: Collection[str]) -> list[str]:
    """The inputs called `names` as they come in `traced`, where captured variables are too.

    Raises ModelError when one is not there: TensorFlow calls it otherwise than the signature.
    """
    renamed = sorted(set(names) - set(traced))
    if renamed:
        raise ModelError(
            f"TensorFlow renames the inputs {', '.join(map(repr, renamed))} of the signature",
            hint="export the model with inputs named by letters, digits and _ only",
        )
    return [name for name in traced if name in names]


def _input(name: str, tensor: Any) -> Input:
    import tensorflow as tf

    return Input(name, _fixed(tensor.shape, name), tf.as_dtype(tensor.dtype).name.upper())


def _fixed(shape: Any, name: str) -> tuple[int, ...]:
    """The shape with a batch of 1. Raises ModelError when another dimension is free."""
    sizes = tuple(shape)
    if None in sizes[1:]:
        raise ModelError(
            f"input {name!r} has the free dimensions {sizes}", hint="fix all but the batch"
        )
    return (1, *sizes[1:])
