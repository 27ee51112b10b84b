"""Operators that a TFLM lacks or gets wrong, by others that compute the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from hil.model.fixes.graph import Graph, indices

# Activations that are operators of their own.
ACTIVATIONS = {1: "RELU", 3: "RELU6"}
INT8_VERSION = 2


def shape_operator_as_reshape(graph: Graph, operator: Any) -> list[str]:
    """SQUEEZE, EXPAND_DIMS, and TRANSPOSE that moves dimensions of 1 only, as RESHAPE."""
    name = graph.name(operator)
    source, target = indices(operator.inputs)[0], indices(operator.outputs)[0]
    keeps_order = name in ("SQUEEZE", "EXPAND_DIMS") or _moves_ones_only(graph, operator, name)
    if not keeps_order or not _is_fixed(graph, target):
        return []
    graph.replace(operator, [graph.reshape(source, target)])
    return [f"{name} made a RESHAPE, which moves the same bytes"]


def dense_between_reshapes(graph: Graph, operator: Any) -> list[str]:
    """FULLY_CONNECTED over more than two dimensions as one over two, between two RESHAPEs."""
    if graph.name(operator) != "FULLY_CONNECTED":
        return []
    inputs, output = indices(operator.inputs), indices(operator.outputs)[0]
    shape, weights = graph.shape(output), graph.shape(inputs[1])
    if len(shape) == 2 or len(weights) != 2 or not _is_fixed(graph, output):
        return []
    elements = 1
    for size in shape:
        elements *= size
    rows = elements // weights[0]
    flat_in = graph.add_like(inputs[0], (rows, weights[1]), "/rows")
    flat_out = graph.add_like(output, (rows, weights[0]), "/rows")
    before, after = graph.reshape(inputs[0], flat_in), graph.reshape(flat_out, output)
    operator.inputs = np.array([flat_in, *inputs[1:]], np.int32)
    operator.outputs = np.array([flat_out], np.int32)
    operator.builtinOptions.keepNumDims = False
    graph.replace(operator, [before, operator, after])
    return [f"FULLY_CONNECTED over {len(shape)} dimensions put between two RESHAPEs"]


def activation_of_its_own(graph: Graph, operator: Any) -> list[str]:
    """The activation that an int8 DEPTHWISE_CONV_2D has fused as an operator behind it."""
    if graph.name(operator) != "DEPTHWISE_CONV_2D":
        return []
    name = ACTIVATIONS.get(operator.builtinOptions.fusedActivationFunction)
    output = indices(operator.outputs)[0]
    if name is None or graph.type(output) != "INT8":
        return []
    before = graph.add_like(output, graph.shape(output), "/before_activation")
    operator.builtinOptions.fusedActivationFunction = 0
    operator.outputs = np.array([before], np.int32)
    behind = graph.operator(name, (before,), (output,), None, INT8_VERSION)
    graph.replace(operator, [operator, behind])
    return [f"the {name} that DEPTHWISE_CONV_2D had fused made an operator of its own"]


def _moves_ones_only(graph: Graph, operator: Any, name: str) -> bool:
    if name != "TRANSPOSE":
        return False
    source, order = indices(operator.inputs)[0], graph.constant(indices(operator.inputs)[1])
    if order is None:
        return False
    large = [int(axis) for axis in order if graph.shape(source)[axis] != 1]
    return large == sorted(large)


def _is_fixed(graph: Graph, tensor: int) -> bool:
    shape = graph.shape(tensor)
    return bool(shape) and all(size > 0 for size in shape)
