"""The file's form: operator codes, where constants lie, zero points, what nothing refers to."""

from __future__ import annotations

from typing import Any

import numpy as np

from hil.model.fixes.graph import Graph, indices
from hil.model.words import counted
from hil.model.writer import fill_older_codes, fill_zero_points

# TFLM's metadata with an arena offset for each tensor: void when tensors change.
OFFLINE_PLAN = b"OfflineMemoryAllocation"


def complete_form(model: Any) -> list[str]:
    """Fills in what TFLM reads and some converters leave out; constants go inline on writing."""
    done = []
    codes = fill_older_codes(model)
    if codes:
        done.append(f"{counted(codes, 'operator code')} written into the older field too")
    outside = sum(buffer.offset > 1 for buffer in model.buffers)
    if outside:
        done.append(f"{counted(outside, 'constant')} moved into the flatbuffer")
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors or []]
    points = sum([fill_zero_points(tensor) for tensor in tensors])
    if points:
        done.append(f"zero points of {counted(points, 'tensor')} written, 0 as their absence means")
    return done


def drop_unreferenced(graph: Graph) -> list[str]:
    """Removes tensors, buffers and operator codes that nothing refers to.

    TFLM of 2020 stops at a tensor that nothing makes and nothing reads: only these are told.
    """
    orphans = _drop_tensors(graph)
    _drop_buffers(graph.model)
    _drop_codes(graph.model)
    return [f"{text} removed, which nothing makes or reads" for text in orphans]


def _drop_tensors(graph: Graph) -> list[str]:
    subgraph = graph.subgraph
    kept = {*graph.inputs, *graph.outputs}
    for operator in graph.operators:
        for vector in (operator.inputs, operator.outputs, operator.intermediates):
            kept.update(i for i in indices(vector) if i >= 0)
    signatures = [s for s in graph.model.signatureDefs or [] if s.subgraphIndex == graph.index]
    maps = [entry for s in signatures for entry in (*(s.inputs or []), *(s.outputs or []))]
    kept.update(entry.tensorIndex for entry in maps)
    dropped = [i for i in range(len(graph.tensors)) if i not in kept]
    if not dropped:
        return []
    orphans = [graph.text(i) for i in dropped if not graph.is_constant(i)]
    number = {old: new for new, old in enumerate(sorted(kept))} | {-1: -1}
    subgraph.tensors = [graph.tensors[i] for i in sorted(kept)]
    subgraph.inputs = _renumbered(subgraph.inputs, number)
    subgraph.outputs = _renumbered(subgraph.outputs, number)
    for operator in graph.operators:
        operator.inputs = _renumbered(operator.inputs, number)
        operator.outputs = _renumbered(operator.outputs, number)
        operator.intermediates = _renumbered(operator.intermediates, number)
    for entry in maps:
        entry.tensorIndex = number[entry.tensorIndex]
    metadata = graph.model.metadata or []
    graph.model.metadata = [entry for entry in metadata if entry.name != OFFLINE_PLAN]
    return orphans


def _renumbered(vector: Any, number: dict[int, int]) -> Any:
    return None if vector is None else np.array([number[i] for i in indices(vector)], np.int32)


def _drop_buffers(model: Any) -> None:
    """Buffer 0 stays: it is the empty one by agreement."""
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors or []]
    owners = [*tensors, *(model.metadata or [])]
    old = indices(model.metadataBuffer)
    kept = sorted({0, *(owner.buffer for owner in owners), *old})
    number = {index: new for new, index in enumerate(kept)}
    model.buffers = [model.buffers[i] for i in kept]
    for owner in owners:
        owner.buffer = number[owner.buffer]
    model.metadataBuffer = _renumbered(model.metadataBuffer, number)


def _drop_codes(model: Any) -> None:
    operators = [op for graph in model.subgraphs for op in graph.operators or []]
    kept = sorted({operator.opcodeIndex for operator in operators})
    number = {index: new for new, index in enumerate(kept)}
    model.operatorCodes = [model.operatorCodes[i] for i in kept]
    for operator in operators:
        operator.opcodeIndex = number[operator.opcodeIndex]
