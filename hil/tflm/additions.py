"""What a model's op resolver holds: just its operators, for just its types where the tree can."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hil.model.info import ModelInfo, OperatorInfo
from hil.tflm.generation import Addition
from hil.tflm.source import TflmSource

# Which input holds the activations, for operators where it is not the first.
ACTIVATIONS_INPUT = {"TRANSPOSE_CONV": 2}
WEIGHTS_INPUT = 1

# (activations, weights or second input, output) that a registration for these types takes.
_TYPED = {
    "INT8": ({"INT8"}, {"INT8", ""}, {"INT8"}),
    "INT16": ({"INT16"}, {"INT8", "INT16", ""}, {"INT16"}),
    "INT4": ({"INT8"}, {"INT4"}, {"INT8"}),
    "INT8_INT16": ({"INT8"}, {""}, {"INT16"}),
}


def additions(model: ModelInfo, tflm: TflmSource) -> tuple[Addition, ...]:
    """The operators of `model` as its resolver gets them, sorted by name.

    Raises KeyError for an operator that the tree lacks: preflight has refused the model before.
    """
    uses: dict[str, list[_Use]] = {}
    for graph in model.graphs:
        for operator in graph.operators:
            uses.setdefault(operator.name, []).append(_Use(graph, operator))
    return tuple(
        tflm.generation.addition(
            tflm.operators[name], _suffix(uses[name], tflm.operators[name].registrations.keys())
        )
        for name in sorted(uses)
    )


class _Use(NamedTuple):
    """An operator, and the graph whose tensors it means."""

    graph: ModelInfo
    operator: OperatorInfo


def _suffix(uses: list[_Use], suffixes: Iterable[str]) -> str:
    """The registration for the types of all uses of an operator, "" when there is none."""
    for suffix in suffixes:
        if suffix in _TYPED and all(_takes(suffix, *use) for use in uses):
            return suffix
    return ""


def _takes(suffix: str, graph: ModelInfo, use: OperatorInfo) -> bool:
    activations, weights, outputs = _TYPED[suffix]
    return (
        _type(graph, use.inputs, ACTIVATIONS_INPUT.get(use.name, 0)) in activations
        and _type(graph, use.inputs, WEIGHTS_INPUT) in weights
        and _type(graph, use.outputs, 0) in outputs
    )


def _type(model: ModelInfo, tensors: tuple[int, ...], index: int) -> str:
    """The type of a tensor of an operator; "" when it is absent."""
    is_there = index < len(tensors) and tensors[index] >= 0
    return model.tensors[tensors[index]].type if is_there else ""
