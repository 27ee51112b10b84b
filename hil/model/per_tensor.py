"""Dense layers of an int8 model brought from a scale for each channel to one for all."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.errors import ModelError
from hil.model.convert_form import normal_form
from hil.model.fixes.graph import Graph, indices
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.model.provenance import Provenance, SourceKind
from hil.model.writer import open_model, write_model
from hil.vocab import Scheme

# TFLite's quantization specification: int8 weights are symmetric, -127 to 127.
WEIGHT_LIMIT = 127
INT32 = np.iinfo(np.int32)
# FULLY_CONNECTED's lowest versions: int8, with keep_num_dims, without a bias.
INT8_VERSION, KEPT_DIMENSIONS_VERSION, NO_BIAS_VERSION = 4, 5, 6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LayerCost:
    """What one scale for all channels does to the weights of an operator, in real values."""

    operator: int
    channels: int
    max_error: float
    mean_error: float
    largest_weight: float

    def __str__(self) -> str:
        return (
            f"operator {self.operator} FULLY_CONNECTED: {self.channels} scales made one; weights "
            f"change by up to {self.max_error:.3g}, {self.mean_error:.3g} on average (the largest "
            f"is {self.largest_weight:.3g})"
        )


@dataclass(frozen=True)
class PerTensor:
    """The rewritten model, and what that costs each layer that was per channel."""

    model: ModelInfo
    layers: tuple[LayerCost, ...]


def per_tensor_dense(model: ModelInfo) -> PerTensor:
    """`model`, which is int8, with one scale for the weights of each FULLY_CONNECTED.

    Weights are quantized anew to the largest of them over 127, biases to that times the input's
    scale (https://ai.google.dev/edge/litert/models/quantization_spec). Raises ModelError when the
    model is not int8 or has no such layer with a scale for each channel.
    """
    if model.scheme is not Scheme.INT8:
        raise ModelError(
            f"{model.name} is {model.scheme.value}: only int8 models have dense layers to bring "
            "to one scale",
            hint="hil model convert --scheme int8 makes them so from a float32 model",
        )
    opened = open_model(model.content)
    graph = Graph(opened)
    layers = [
        _one_scale(graph, operator, index)
        for index, operator in enumerate(graph.operators)
        if _is_per_channel(graph, operator)
    ]
    if not layers:
        raise ModelError(f"{model.name} has no dense layer with a scale for each channel")
    provenance = Provenance(
        source_kind=SourceKind.TFLITE,
        source_sha256=model.sha256,
        scheme=Scheme.INT8,
        per_channel_dense=False,
        tools={"tflm-hil": version("tflm-hil")},
        calibration=None,
    )
    content = normal_form(write_model(opened, model.content), provenance)
    return PerTensor(parse_model(content, model.name), tuple(layers))


def _is_per_channel(graph: Graph, operator: Any) -> bool:
    if graph.name(operator) != "FULLY_CONNECTED":
        return False
    weights = indices(operator.inputs)[1]
    quantization = graph.tensors[weights].quantization
    return (
        graph.type(weights) == "INT8"
        and graph.is_constant(weights)
        and quantization is not None
        and quantization.scale is not None
        and len(quantization.scale) > 1
    )


def _one_scale(graph: Graph, operator: Any, index: int) -> LayerCost:
    inputs = indices(operator.inputs)
    data, weights, bias = inputs[0], inputs[1], inputs[2] if len(inputs) > 2 else -1
    scales: Floats = np.asarray(graph.tensors[weights].quantization.scale, np.float64)
    real = _values(graph, weights, np.dtype("int8")) * scales[:, np.newaxis]
    largest = float(np.abs(real).max())
    scale = float(np.float32(largest / WEIGHT_LIMIT)) or 1.0
    rounded = np.clip(np.round(real / scale), -WEIGHT_LIMIT, WEIGHT_LIMIT)
    inputs[1] = _requantized(graph, weights, rounded.astype(np.int8), scale)
    if bias >= 0:
        input_scale = float(graph.tensors[data].quantization.scale[0])
        steps = _values(graph, bias, np.dtype("<i4")) * scales / scale
        if np.abs(steps).max() > INT32.max:
            raise ModelError(f"operator {index}: its bias does not fit int32 with one scale")
        new = np.round(steps).astype("<i4")
        inputs[2] = _requantized(graph, bias, new, input_scale * scale)
    operator.inputs = np.array(inputs, np.int32)
    options = operator.builtinOptions
    needed = KEPT_DIMENSIONS_VERSION if options and options.keepNumDims else INT8_VERSION
    graph.set_version(operator, NO_BIAS_VERSION if bias < 0 else needed)
    error = np.abs(rounded * scale - real)
    return LayerCost(index, len(scales), float(error.max()), float(error.mean()), largest)


def _values(graph: Graph, tensor: int, dtype: np.dtype[Any]) -> Floats:
    data = graph.model.buffers[graph.tensors[tensor].buffer].data
    return np.frombuffer(bytes(data), dtype).reshape(graph.shape(tensor)).astype(np.float64)


def _requantized(graph: Graph, tensor: int, values: npt.NDArray[Any], scale: float) -> int:
    """A copy of the constant with other values and one scale: others may use it too."""
    copy = graph.add_like(tensor, values.shape, "")
    graph.set_constant(copy, values)
    quantization = graph.schema.QuantizationParametersT()
    quantization.scale = np.array([scale], np.float32)
    quantization.zeroPoint = np.zeros(1, np.int64)
    graph.tensors[copy].quantization = quantization
    return copy
