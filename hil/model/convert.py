"""Keras models to `.tflite`, in the form that TFLM runs. Needs TensorFlow (extra `train`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hil.errors import ConfigError
from hil.vocab import Scheme


def from_keras(model: Any, scheme: Scheme, calibration: npt.NDArray[np.float32]) -> bytes:
    """`model` as a `.tflite` file with its batch fixed to 1.

    `calibration` (N x input shape, float32) sets the ranges of integer schemes. Weights of dense
    layers are quantized per tensor: TFLM up to 2024 takes only the first scale of a per-channel
    one and computes wrong values without a word. Raises ConfigError for other schemes.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(_with_batch_of_one(model))
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if scheme is Scheme.INT8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[np.newaxis]] for row in calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    elif scheme is not Scheme.FLOAT32:
        raise ConfigError(f"no conversion to {scheme.value} yet")
    content: bytes = converter.convert()
    return content


def _with_batch_of_one(model: Any) -> Any:
    """The same layers on an input of batch 1: with a free batch the converter adds SHAPE and PACK
    around every Flatten, which TFLM of 2020 does not have.
    """
    import keras

    fixed = keras.models.clone_model(
        model, input_tensors=keras.Input(batch_shape=(1, *model.input_shape[1:]))
    )
    fixed.set_weights(model.get_weights())
    return fixed
