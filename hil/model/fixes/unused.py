"""What is computed and never used."""

from __future__ import annotations

from typing import Any

import numpy as np

from hil.model.fixes.graph import Graph, indices
from hil.model.words import counted

# They run for what they do to variables or the program, not for an output.
SIDE_EFFECTS = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "CALL", "WHILE", "IF", "CUSTOM"})
# What STRIDED_SLICE of any TFLM takes.
MAX_SLICE_RANK = 4
SLICED_TYPES = frozenset({"FLOAT32", "INT8", "UINT8"})


def remove_dead_operators(graph: Graph) -> list[str]:
    """Removes operators none of whose outputs is read."""
    removed: list[str] = []
    while True:
        read = graph.readers()
        dead = [
            op
            for op in graph.operators
            if graph.name(op) not in SIDE_EFFECTS and not any(read[i] for i in indices(op.outputs))
        ]
        if not dead:
            break
        removed += [graph.name(op) for op in dead]
        for operator in dead:
            graph.replace(operator, [])
    if not removed:
        return []
    names = ", ".join(dict.fromkeys(removed))
    return [f"{counted(len(removed), 'operator')} whose results nothing reads removed: {names}"]


def remove_unused_inputs(graph: Graph) -> list[str]:
    """Removes inputs of the model that no operator reads, unless none would be left."""
    read = graph.readers()
    unused = [i for i in graph.inputs if not read[i]]
    if not unused or len(unused) == len(graph.inputs):
        return []
    graph.subgraph.inputs = np.array([i for i in graph.inputs if read[i]], np.int32)
    for signature in graph.model.signatureDefs or []:
        if signature.subgraphIndex == graph.index:
            signature.inputs = [e for e in signature.inputs or [] if e.tensorIndex not in unused]
    return [f"input {graph.text(i)} removed: no operator reads it" for i in unused]


def slice_used_outputs(graph: Graph, operator: Any) -> list[str]:
    """SPLIT, SPLIT_V and UNPACK as one STRIDED_SLICE for each output that is read."""
    name = graph.name(operator)
    pieces = _pieces(graph, operator, name)
    if pieces is None:
        return []
    source, axis, starts = pieces
    shape = graph.shape(source)
    is_fit = graph.type(source) in SLICED_TYPES and len(shape) <= MAX_SLICE_RANK
    if not is_fit or any(size < 1 for size in shape):
        return []
    read = graph.readers()
    slices = []
    used = [n for n, i in enumerate(indices(operator.outputs)) if read[i]]
    for number in used:
        output = indices(operator.outputs)[number]
        begin = np.zeros(len(shape), np.int32)
        end = np.array(shape, np.int32)
        begin[axis], end[axis] = starts[number], starts[number + 1]
        constants = [
            graph.add_constant(values, f"{kind}_{output}")
            for kind, values in (("begin", begin), ("end", end), ("strides", np.ones_like(begin)))
        ]
        options = graph.schema.StridedSliceOptionsT()
        options.shrinkAxisMask = 1 << axis if name == "UNPACK" else 0
        version = 1 if graph.type(source) == "FLOAT32" else 2
        slices.append(
            graph.operator("STRIDED_SLICE", (source, *constants), (output,), options, version)
        )
    graph.replace(operator, slices)
    return [
        f"{name} into {len(starts) - 1} made {len(used)} STRIDED_SLICE: "
        f"only {len(used)} of its outputs are read"
        if len(used) < len(starts) - 1
        else f"{name} into {len(used)} made {len(used)} STRIDED_SLICE"
    ]


def _pieces(graph: Graph, operator: Any, name: str) -> tuple[int, int, list[int]] | None:
    """The tensor that is cut, along which axis, and where; None when that is not constant."""
    inputs, count = indices(operator.inputs), len(indices(operator.outputs))
    if name == "UNPACK":
        source = inputs[0]
        axis = operator.builtinOptions.axis % len(graph.shape(source))
        return source, axis, list(range(count + 1))
    if name == "SPLIT":
        source, axes = inputs[1], graph.constant(inputs[0])
        if axes is None:
            return None
        axis = int(axes.flat[0]) % len(graph.shape(source))
        size = graph.shape(source)[axis] // count
        return source, axis, [size * i for i in range(count + 1)]
    if name == "SPLIT_V":
        source, sizes, axes = inputs[0], graph.constant(inputs[1]), graph.constant(inputs[2])
        if sizes is None or axes is None or (sizes < 0).any():
            return None
        axis = int(axes.flat[0]) % len(graph.shape(source))
        return source, axis, [0, *(int(n) for n in np.cumsum(sizes))]
    return None
