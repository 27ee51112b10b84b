"""A fixed batch, and what follows from it: shapes that are computed become constants."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from hil.errors import ReferenceFailure
from hil.model.fixes.graph import Array, Graph, indices
from hil.model.flatbuffer import parse_model
from hil.model.info import NUMPY_DTYPES
from hil.model.words import counted
from hil.model.writer import write_model
from hil.reference.reference import ChildReference, ReferenceName

# Constants computed in the model stay small: a dequantized weight would bloat the file.
MAX_BYTES = 4096
# Operators that run for more than their result, or whose constant input is kept on purpose.
NEVER_FOLDED = frozenset(
    [
        "DEQUANTIZE",
        "CUSTOM",
        "IF",
        "WHILE",
        "CALL",
        "CALL_ONCE",
        "VAR_HANDLE",
        "READ_VARIABLE",
        "ASSIGN_VARIABLE",
        "RANDOM_UNIFORM",
        "RANDOM_STANDARD_NORMAL",
        "MULTINOMIAL",
    ]
)


def fix_batch(graph: Graph) -> list[str]:
    """Fixes a free first dimension of the inputs at 1, as the file's shapes already have it."""
    free = [i for i in graph.inputs if -1 in indices(graph.tensors[i].shapeSignature)]
    if not free or any(-1 in indices(graph.tensors[i].shapeSignature)[1:] for i in free):
        return []
    if any(size < 1 for i in free for size in graph.shape(i)):
        return []
    for index in free:
        graph.tensors[index].shapeSignature = None
    return [f"the batch of {graph.text(i)} fixed to {graph.shape(i)[0]}" for i in free]


def fold_constants(graph: Graph, content: bytes) -> list[str]:
    """Replaces what operators compute from constants and fixed shapes by its value.

    The values, and shapes that the file leaves open, are those that LiteRT's reference kernels
    give. Without inputs of a fixed shape nothing is done. Raises ReferenceFailure when LiteRT does
    not take the model.
    """
    if any(-1 in indices(graph.tensors[i].shapeSignature) for i in graph.inputs):
        return []
    folded = _foldable(graph)
    open_shapes = [
        i
        for op in graph.operators
        for i in indices(op.outputs)
        if -1 in indices(graph.tensors[i].shapeSignature) and graph.type(i) in NUMPY_DTYPES
    ]
    made = [i for op in folded for i in indices(op.outputs)]
    wanted = sorted({*made, *open_shapes})
    if not wanted:
        return []
    values = _evaluate(graph, content, wanted)
    for index in open_shapes:
        graph.tensors[index].shape = np.array(values[index].shape, np.int32)
        graph.tensors[index].shapeSignature = None
    names = ", ".join(dict.fromkeys(graph.name(op) for op in folded))
    for index in made:
        graph.set_constant(index, values[index])
    for operator in folded:
        graph.replace(operator, [])
    if not folded:
        return [f"the shapes of {counted(len(open_shapes), 'tensor')} fixed"]
    computing = counted(len(folded), "operator")
    return [f"{computing} computing constants replaced by their values: {names}"]


def _foldable(graph: Graph) -> list[Any]:
    """Operators whose inputs are constant or become so, and SHAPE, in the order in which they run.

    An output of the graph is left alone.
    """
    known = {i for i in range(len(graph.tensors)) if graph.is_constant(i)}
    outputs = set(graph.outputs)
    found = []
    for operator in graph.operators:
        inputs = [i for i in indices(operator.inputs) if i >= 0]
        made = indices(operator.outputs)
        name = graph.name(operator)
        small = all(
            graph.type(i) in NUMPY_DTYPES
            and np.dtype(NUMPY_DTYPES[graph.type(i)]).itemsize * _elements(graph, i) <= MAX_BYTES
            for i in made
        )
        is_fixed = name == "SHAPE" or (inputs and known.issuperset(inputs))
        if is_fixed and small and name not in NEVER_FOLDED and not outputs.intersection(made):
            known.update(made)
            found.append(operator)
    return found


def _elements(graph: Graph, tensor: int) -> int:
    return int(np.prod(graph.shape(tensor), dtype=np.int64))


def _evaluate(graph: Graph, content: bytes, tensors: list[int]) -> dict[int, Array]:
    """What the tensors hold after one inference of zeros."""
    model = copy.copy(graph.model)
    probe = copy.copy(graph.subgraph)
    probe.outputs = np.array(tensors, np.int32)
    model.subgraphs = [
        probe if i == graph.index else other for i, other in enumerate(graph.model.subgraphs)
    ]
    model.signatureDefs = None
    info = parse_model(write_model(model, content), "shapes")
    inputs = []
    for tensor in info.input_tensors:
        if tensor.numpy_dtype is None:
            raise ReferenceFailure(f"input {tensor.name!r} is {tensor.type}")
        inputs.append(np.zeros((1, *tensor.shape), tensor.numpy_dtype))
    reference = ChildReference(ReferenceName.LITERT_REF)
    try:
        outputs = reference.run(info, inputs).outputs
    finally:
        reference.close()
    return {index: array[0] for index, array in zip(tensors, outputs, strict=True)}
