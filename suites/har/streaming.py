"""The activity model that is given 20 samples (0.4 s) at a time and keeps the past in variables.

Every layer looks back in time only, so a step computes exactly what is new: the same numbers as the
batch model of `build_batch_model` has at that place, at a fifth of its cost.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from data import CLASSES, STEP_SAMPLES, WINDOW_SAMPLES, steps_of

Array = npt.NDArray[Any]

SIGNALS = 6
# Rows that each layer needs of what came before.
CONV_PAST = 3  # kernel 5, stride 2
DEPTHWISE_PAST = 4  # kernel 5
RING_STEPS = WINDOW_SAMPLES // STEP_SAMPLES - 1
POOLED_ROWS = STEP_SAMPLES // 4


def build_batch_model() -> keras.Model:
    """The model over a whole window of 100 samples: zeros stand before the first one."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((WINDOW_SAMPLES, 1, SIGNALS)),
            layers.ZeroPadding2D(((CONV_PAST, 0), (0, 0))),
            layers.Conv2D(16, (5, 1), strides=(2, 1), activation="relu", name="conv"),
            layers.MaxPooling2D((2, 1), name="pool"),
            layers.ZeroPadding2D(((DEPTHWISE_PAST, 0), (0, 0))),
            layers.DepthwiseConv2D((5, 1), activation="relu", name="depthwise1"),
            layers.Conv2D(32, 1, activation="relu", name="pointwise1"),
            layers.ZeroPadding2D(((DEPTHWISE_PAST, 0), (0, 0))),
            layers.DepthwiseConv2D((5, 1), activation="relu", name="depthwise2"),
            layers.Conv2D(48, 1, activation="relu", name="pointwise2"),
            layers.AveragePooling2D((POOLED_ROWS, 1), name="average"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(32, activation="relu", name="hidden"),
            layers.Dense(len(CLASSES), activation="softmax", name="classes"),
        ]
    )


class Step(tf.Module):
    """One step of the trained batch model: 1 x 20 x 1 x 6 in, 1 x 7 out."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        # As constants: weights that are variables would become resource variables too.
        self._weights = {
            layer.name: [tf.constant(values) for values in layer.get_weights()]
            for layer in model.layers
            if layer.get_weights()
        }
        self._past = {
            name: tf.Variable(tf.zeros((1, rows, 1, channels)), name=f"past_{name}")
            for name, rows, channels in (
                ("conv", CONV_PAST, SIGNALS),
                ("depthwise1", DEPTHWISE_PAST, 16),
                ("depthwise2", DEPTHWISE_PAST, 32),
                ("hidden", RING_STEPS, 48),
            )
        }

    def _with_past(self, name: str, new: Any) -> Any:
        """`new` rows behind those that are kept for the layer `name`; the last ones are kept."""
        past = self._past[name]
        rows = tf.concat([past, new], axis=1)
        past.assign(rows[:, -past.shape[1] :])
        return rows

    def _conv(self, name: str, rows: Any, stride: int = 1) -> Any:
        kernel, bias = self._weights[name]
        return tf.nn.relu(tf.nn.conv2d(rows, kernel, (stride, 1), "VALID") + bias)

    def _depthwise(self, name: str, new: Any) -> Any:
        kernel, bias = self._weights[name]
        rows = self._with_past(name, new)
        return tf.nn.relu(tf.nn.depthwise_conv2d(rows, kernel, (1, 1, 1, 1), "VALID") + bias)

    def _dense(self, name: str, x: Any) -> Any:
        kernel, bias = self._weights[name]
        return tf.matmul(x, kernel) + bias

    @tf.function(input_signature=[tf.TensorSpec((1, STEP_SAMPLES, 1, SIGNALS), tf.float32)])
    def step(self, x: Any) -> Any:
        """Class probabilities after the new samples `x`."""
        x = self._conv("conv", self._with_past("conv", x), stride=2)
        x = tf.nn.max_pool2d(x, (2, 1), (2, 1), "VALID")
        x = self._conv("pointwise1", self._depthwise("depthwise1", x))
        x = self._conv("pointwise2", self._depthwise("depthwise2", x))
        x = tf.nn.avg_pool2d(x, (POOLED_ROWS, 1), (POOLED_ROWS, 1), "VALID")
        x = tf.reshape(self._with_past("hidden", x), (1, -1))
        x = tf.nn.relu(self._dense("hidden", x))
        return tf.nn.softmax(self._dense("classes", x))


def convert_step(model: keras.Model, calibration: Array) -> bytes:
    """The step as an int8 `.tflite` file: variables are int8 resource variables, set to zero by a
    second subgraph when the first step runs. `calibration` are windows, N x 100 x 1 x 6.
    """
    step = Step(model)
    # Only a SavedModel says how variables begin.
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(step, folder, signatures=step.step)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _calibration_steps(calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        # Without it variables stay float32, between a DEQUANTIZE and a QUANTIZE each.
        converter._experimental_variable_quantization = True
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        content: bytes = converter.convert()
    return content


def _calibration_steps(windows: Array) -> Iterator[list[Array]]:
    for step in steps_of(windows).astype(np.float32):
        yield [step[np.newaxis]]
