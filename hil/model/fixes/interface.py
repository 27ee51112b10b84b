"""uint8 inputs and outputs of an int8 model as int8."""

from __future__ import annotations

from typing import Any

import numpy as np

from hil.model.fixes.graph import Graph, indices

# uint8 and int8 of the same real value differ by this in zero point and in raw value.
SHIFT = 128


def int8_interface(graph: Graph) -> list[str]:
    """Removes the QUANTIZE operators that only shift uint8 to int8 at inputs, back at outputs.

    What the device then takes and gives differs by 128 from before; the real values are the same.
    """
    done = []
    for operator in list(graph.operators):
        if graph.name(operator) != "QUANTIZE":
            continue
        source, target = indices(operator.inputs)[0], indices(operator.outputs)[0]
        if source in graph.inputs and _is_shift(graph, source, target):
            if graph.readers()[source] != 1:
                continue
            graph.subgraph.inputs = _swapped(graph.subgraph.inputs, source, target)
            role, old, new = "input", source, target
        elif target in graph.outputs and _is_shift(graph, target, source):
            if graph.readers()[target] != 1 or source in graph.outputs:
                continue
            graph.subgraph.outputs = _swapped(graph.subgraph.outputs, target, source)
            role, old, new = "output", target, source
        else:
            continue
        graph.replace(operator, [])
        graph.tensors[new].name = graph.tensors[old].name
        _rename_in_signatures(graph, old, new)
        done.append(f"{role} {graph.text(new)} is int8 now: uint8 minus {SHIFT}, the same scale")
    return done


def _is_shift(graph: Graph, unsigned: int, signed: int) -> bool:
    if (graph.type(unsigned), graph.type(signed)) != ("UINT8", "INT8"):
        return False
    one, other = graph.tensors[unsigned].quantization, graph.tensors[signed].quantization
    if one is None or other is None or one.scale is None or other.scale is None:
        return False
    points = [indices(entry.zeroPoint) or [0] for entry in (one, other)]
    return (
        len(one.scale) == len(other.scale) == 1
        and one.scale[0] == other.scale[0]
        and points[0][0] - points[1][0] == SHIFT
    )


def _swapped(vector: Any, old: int, new: int) -> Any:
    return np.array([new if i == old else i for i in indices(vector)], np.int32)


def _rename_in_signatures(graph: Graph, old: int, new: int) -> None:
    for signature in graph.model.signatureDefs or []:
        if signature.subgraphIndex != graph.index:
            continue
        for entry in (*(signature.inputs or []), *(signature.outputs or [])):
            if entry.tensorIndex == old:
                entry.tensorIndex = new
