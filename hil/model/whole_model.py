"""What keeps a model as a whole from running: the causes first, then tensors, then sizes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from hil.model.fixes.subgraphs import called_subgraphs
from hil.model.info import NUMPY_DTYPES, ModelInfo, OperatorInfo, TensorInfo
from hil.model.problem import Problem
from hil.model.recognise import made_for
from hil.model.words import counted

if TYPE_CHECKING:
    from hil.model.preflight import Limits

SCHEMA_VERSION = 3
# Operators that run other subgraphs.
CONTROL_FLOW = frozenset({"IF", "WHILE", "CALL", "CALL_ONCE"})
FIX = "hil model fix"
# Changes of its that only TFLM of 2020 needs.
FIX_2020 = "hil model fix --tflm 2020"
# Those of several outputs that `hil model fix` replaces when one is not used.
CUT_UP = frozenset({"SPLIT", "SPLIT_V", "UNPACK"})


def prepared_graphs(model: ModelInfo, limits: Limits) -> tuple[ModelInfo, ...]:
    """The subgraphs that this TFLM looks at: all, called or not, or the main one alone."""
    return model.graphs if has_control_flow(limits) else model.graphs[:1]


def has_control_flow(limits: Limits) -> bool:
    """Whether this TFLM knows of more than one subgraph."""
    return not CONTROL_FLOW.isdisjoint(limits.operators)


def causes(model: ModelInfo, limits: Limits, blocked: Collection[int]) -> Iterator[Problem]:
    """What other problems follow from. `blocked` are the indices of operators that have one."""
    finding = made_for(model)
    if finding is not None:
        yield Problem(finding.reason, finding.remedy)
    if model.schema_version != SCHEMA_VERSION:
        yield Problem(
            f"schema version {model.schema_version}, TFLM reads {SCHEMA_VERSION}",
            "convert it with a TensorFlow Lite converter",
        )
    yield from _free_batch(model, blocked)
    if model.subgraphs != 1 and not has_control_flow(limits):
        yield from _uncalled_subgraphs(model)


def shape_chain(model: ModelInfo) -> set[int]:
    """Indices of SHAPE and the operators that compute from what it gives, and constants, alone."""
    shapes: set[int] = set()
    chain: set[int] = set()
    for operator in model.operators:
        read = {i for i in operator.inputs if i >= 0 and not model.tensors[i].is_constant}
        if operator.name == "SHAPE" or (read and shapes.issuperset(read)):
            chain.add(operator.index)
            shapes.update(operator.outputs)
    return chain


def has_free_batch(model: ModelInfo) -> bool:
    """Whether the first dimension of an input is free, and no other."""
    free = [t.shape_signature for t in model.input_tensors if -1 in t.shape_signature]
    return bool(free) and not any(-1 in signature[1:] for signature in free)


def _free_batch(model: ModelInfo, blocked: Collection[int]) -> Iterator[Problem]:
    hindered = sorted(shape_chain(model).intersection(blocked))
    if not hindered:
        return
    names = ", ".join(f"{i} {model.operators[i].name}" for i in hindered)
    why = "its batch is free" if has_free_batch(model) else "its shapes are computed"
    yield Problem(
        f"{why}: operators compute shapes while it runs, and this TFLM does not run {names}",
        f"{FIX} fixes the batch to 1 and makes the shapes constant",
    )


def _uncalled_subgraphs(model: ModelInfo) -> Iterator[Problem]:
    from hil.model.writer import open_model  # numpy is slow to import

    opened = open_model(model.content)
    called = called_subgraphs(opened)
    if len(called) == model.subgraphs:
        return
    lost = [
        repr(entry.signatureKey.decode(errors="replace"))
        for entry in opened.signatureDefs or []
        if entry.subgraphIndex not in called
    ]
    which = f", for the signatures {', '.join(lost)}" if lost else ""
    another = " (--signature NAME: another)" if lost else ""
    yield Problem(
        f"{counted(model.subgraphs - len(called), 'subgraph')} that the first one does not "
        f"call{which}: this TFLM takes one alone",
        f"{FIX} keeps the first alone{another}",
    )


def tensor_problems(model: ModelInfo, limits: Limits) -> Iterator[Problem]:
    """Inputs and outputs, shapes, constants, and what TFLM can plan no memory for."""
    if not model.inputs or not model.outputs:
        yield Problem("no input or no output", "export the model with both")
    for role, tensors in (("input", model.input_tensors), ("output", model.output_tensors)):
        for tensor in tensors:
            if tensor.type not in NUMPY_DTYPES:
                yield Problem(
                    f"{role} {tensor.name!r} is {tensor.type}",
                    "use float32, int8, uint8, int16, int32, int64 or bool",
                )
    for graph in prepared_graphs(model, limits):
        yield from _shapes(graph)
        yield from _constants(graph)
    yield from _lifetimes(model)
    if limits.rules.stops_at_unused:
        yield from _unused(model, limits)


def _text(tensor: TensorInfo) -> str:
    return f"tensor {tensor.index} {tensor.name!r}"


def _made(model: ModelInfo) -> set[int]:
    return {i for operator in model.operators for i in operator.outputs} | set(model.inputs)


def _shapes(model: ModelInfo) -> Iterator[Problem]:
    made = _made(model)
    for tensor in model.tensors:
        if any(size < 0 for size in tensor.shape):
            yield Problem(
                f"{_text(tensor)} has the dynamic shape {tensor.shape}",
                "fix every dimension when converting, the batch to 1",
            )
        elif tensor.elements == 0 and tensor.index in made:
            yield Problem(f"{_text(tensor)} has no elements", "remove the operators around it")


def _constants(model: ModelInfo) -> Iterator[Problem]:
    for tensor in model.tensors:
        if tensor.is_external:
            yield Problem(
                f"{_text(tensor)} is stored outside the flatbuffer, where TFLM does not look",
                f"{FIX} writes it inline (ai-edge-quantizer stores models from 256 KiB on like "
                "this)",
            )
        elif tensor.is_sparse:
            yield Problem(f"{_text(tensor)} is sparse, which TFLM does not know", "store it dense")
        elif tensor.data_bytes is not None and tensor.bytes not in (None, tensor.data_bytes):
            yield Problem(
                f"{_text(tensor)} has {tensor.data_bytes:,} bytes of data, its shape "
                f"{tensor.bytes:,}",
                "convert the model again",
            )


def _lifetimes(model: ModelInfo) -> Iterator[Problem]:
    """What nothing makes is at address 0. A RESHAPE does not read its empty shape."""
    made = _made(model)
    used = {i for operator in model.operators for i in operator.inputs} | set(model.outputs)
    for tensor in model.tensors:
        if tensor.is_constant:
            if tensor.index in model.inputs:
                yield Problem(f"{_text(tensor)} is an input and a constant", "export it again")
        elif tensor.index in used - made and tensor.elements and not tensor.is_variable:
            yield Problem(f"{_text(tensor)} is used, but nothing makes it", "export it again")


def _unused(model: ModelInfo, limits: Limits) -> Iterator[Problem]:
    """Tensors of which TFLM's planner of 2020 says 'has an invalid lifetime'."""
    used = {i for operator in model.operators for i in operator.inputs} | set(model.outputs)
    for tensor in model.input_tensors:
        if tensor.index not in used:
            yield Problem(
                f"input {tensor.name!r} is read by no operator, and this TFLM stops at that",
                f"leave it out, as {FIX_2020} does",
            )
    for operator in model.operators:
        unused = [i for i in operator.outputs if i >= 0 and i not in used]
        is_missing = operator.name in CONTROL_FLOW and operator.name not in limits.operators
        if unused and not is_missing:
            yield Problem(*_unused_outputs(operator, unused), operator)
    touched = used | _made(model)
    orphans = [
        tensor
        for tensor in model.tensors
        if tensor.index not in touched and not (tensor.is_constant or tensor.is_variable)
    ]
    if orphans:
        listed = ", ".join(_text(tensor) for tensor in orphans)
        yield Problem(
            f"nothing makes or reads {listed}, and this TFLM stops at that",
            f"{FIX_2020} removes them",
        )


def _unused_outputs(operator: OperatorInfo, unused: list[int]) -> tuple[str, str]:
    """Reason and remedy."""
    if len(unused) == len(operator.outputs) and operator.name not in CONTROL_FLOW:
        return (
            "what it computes is never used, and this TFLM stops at that",
            f"{FIX_2020} removes it",
        )
    places = ", ".join(str(operator.outputs.index(i)) for i in unused)
    reason = (
        f"its outputs {places} of {len(operator.outputs)} are never used, and this TFLM stops at "
        "that"
    )
    if operator.name in CUT_UP:
        return reason, f"{FIX_2020} replaces it by STRIDED_SLICE"
    return reason, "make them outputs of the model"
