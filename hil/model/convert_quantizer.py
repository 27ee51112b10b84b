"""A float32 `.tflite` quantized by ai-edge-quantizer (extra `quantize`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

from hil.errors import ConfigError
from hil.vocab import Scheme

Array = npt.NDArray[np.generic]

SIGNATURE = "serving_default"
EVERY_LAYER = ".*"
WEIGHT_BITS = 8
FLOAT16_BITS = 16
ACTIVATION_BITS = {Scheme.INT8: 8, Scheme.INT16X8: 16}
THREADS = 1


def tools() -> dict[str, str]:
    """Versions of what takes part. Raises ConfigError when it is not installed."""
    try:
        import ai_edge_quantizer  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "ai-edge-quantizer is not installed", hint='pip install "tflm-hil[quantize]"'
        ) from error
    return {name: version(name) for name in ("ai-edge-quantizer", "ai-edge-litert")}


def quantize(
    content: bytes, scheme: Scheme, calibration: Sequence[Array], *, per_channel_dense: bool
) -> bytes:
    """The float32 model `content` in `scheme`, as the quantizer writes it.

    `calibration` holds one array of N x input shape, float32, per input of the model; only the
    integer schemes look at it.
    """
    from ai_edge_quantizer.quantizer import Quantizer

    content, names = _with_signature(content)
    recipe = _recipe(scheme, per_channel_dense=per_channel_dense)
    quantizer = Quantizer(content, recipe)
    ranges = None
    if quantizer.need_calibration:
        key, inputs = names
        ranges = quantizer.calibrate({key: list(_rows(inputs, calibration))}, num_threads=THREADS)
    result = quantizer.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


def _recipe(scheme: Scheme, *, per_channel_dense: bool) -> Any:
    """Which layers get which types: the last entry that fits a layer holds."""
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
    from ai_edge_quantizer.recipe_manager import RecipeManager

    recipe: Any = RecipeManager()
    per_tensor, per_channel = QuantGranularity.TENSORWISE, QuantGranularity.CHANNELWISE
    every = TFLOperationName.ALL_SUPPORTED
    granularities = [(every, per_channel)]
    if not per_channel_dense:
        granularities.append((TFLOperationName.FULLY_CONNECTED, per_tensor))
    match scheme:
        case Scheme.INT8 | Scheme.INT16X8:
            for operation, granularity in granularities:
                bits = ACTIVATION_BITS[scheme]
                recipe.add_static_config(EVERY_LAYER, operation, bits, WEIGHT_BITS, granularity)
        case Scheme.DYNAMIC:
            for operation, granularity in granularities:
                recipe.add_dynamic_config(EVERY_LAYER, operation, WEIGHT_BITS, granularity)
        case Scheme.WEIGHT_ONLY:
            # TFLM's DEQUANTIZE takes the first scale for all channels, to this day.
            recipe.add_weight_only_config(EVERY_LAYER, every, WEIGHT_BITS, per_tensor)
        case Scheme.FLOAT16:
            recipe.add_weight_only_config(
                EVERY_LAYER, every, FLOAT16_BITS, per_tensor, AlgorithmName.FLOAT_CASTING
            )
        case Scheme.FLOAT32:
            raise ConfigError("a float32 model needs no quantizer")
    return recipe.get_quantization_recipe()


def _rows(names: Sequence[str], calibration: Sequence[Array]) -> Iterator[dict[str, Array]]:
    for row in zip(*calibration, strict=True):
        yield dict(zip(names, row, strict=True))


def _with_signature(content: bytes) -> tuple[bytes, tuple[str, list[str]]]:
    """The model with a signature, and its key and input names in the order of the model's inputs.

    The quantizer feeds calibration vectors through signatures, which not every file has.
    """
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == 0:
            by_tensor = {entry.tensorIndex: entry.name.decode() for entry in signature.inputs}
            key = signature.signatureKey.decode()
            return content, (key, [by_tensor[index] for index in graph.inputs])
    names = [f"input_{index}" for index in range(len(graph.inputs))]
    signature = schema.SignatureDefT()
    signature.signatureKey = SIGNATURE.encode()
    signature.subgraphIndex = 0
    signature.inputs = _tensor_map(schema, graph.inputs, names)
    outputs = [f"output_{index}" for index in range(len(graph.outputs))]
    signature.outputs = _tensor_map(schema, graph.outputs, outputs)
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), content[4:8])
    return bytes(builder.Output()), (SIGNATURE, names)


def _tensor_map(schema: Any, tensors: Sequence[int], names: Sequence[str]) -> list[Any]:
    entries = []
    for index, name in zip(tensors, names, strict=True):
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), int(index)
        entries.append(entry)
    return entries
