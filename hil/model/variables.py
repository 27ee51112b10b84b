"""Resource variables as TFLM has them: what about a model's use of them would go wrong unseen.

TFLM keeps a variable by container and name, gives it memory when ASSIGN_VARIABLE is prepared, and
copies as many bytes as that took (`micro_resource_variable.cpp`); all of this is checked by
assertions only, which a release build leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hil.model.info import VARIABLE_HANDLE, ModelInfo, OperatorInfo, TensorInfo
from hil.model.rule import Finding

READ, ASSIGN = "READ_VARIABLE", "ASSIGN_VARIABLE"
EXPORT_AGAIN = "export the model again, its variables as tf.Variable of a fixed shape"


@dataclass(frozen=True)
class _Use:
    """A read or an assignment of the variable `name`, and the tensor that is copied."""

    name: str
    operator: OperatorInfo
    value: TensorInfo


def variable_findings(model: ModelInfo) -> Iterator[Finding]:
    """What is wrong with how `model` uses its variables; nothing without any."""
    handles = [o for o in model.all_operators if o.name == VARIABLE_HANDLE]
    if any(not (handle.options or {}).get("sharedName") for handle in handles):
        yield Finding(
            "a VAR_HANDLE has no name: this TFLM reads it through address 0", EXPORT_AGAIN
        )
        return
    containers = {(handle.options or {}).get("container") is None for handle in handles}
    if len(containers) > 1:
        yield Finding(
            "some variables have a container and others none: this TFLM reads through address 0",
            EXPORT_AGAIN,
        )
    uses = [use for graph in model.graphs for use in _uses(graph)]
    for name in model.resource_variables:
        own = [use for use in uses if use.name == name]
        yield from _of_one(name.removeprefix("/"), own)


def _of_one(name: str, uses: list[_Use]) -> Iterator[Finding]:
    assigned = [use for use in uses if use.operator.name == ASSIGN]
    if uses and not assigned:
        yield Finding(
            f"variable {name!r} is read and never assigned: this TFLM gives it no memory, and what "
            "is read is left as it was",
            "assign it, or make it a constant",
        )
        return
    sizes = {(use.value.type, use.value.bytes) for use in uses}
    if len(sizes) > 1:
        found = ", ".join(f"{type_.lower()} of {size:,} bytes" for type_, size in sorted(sizes))
        yield Finding(
            f"variable {name!r} is used as {found}: this TFLM copies as many bytes as the first "
            "assignment had",
            EXPORT_AGAIN,
        )


def _uses(graph: ModelInfo) -> Iterator[_Use]:
    """Reads and assignments in one graph, of handles that are made there."""
    names: dict[int, str] = {}
    for operator in graph.operators:
        if operator.name == VARIABLE_HANDLE and operator.outputs:
            names[operator.outputs[0]] = operator.variable
    for operator in graph.operators:
        if operator.name not in (READ, ASSIGN) or not operator.inputs:
            continue
        values = operator.outputs[:1] if operator.name == READ else operator.inputs[1:2]
        name = names.get(operator.inputs[0])
        if name is not None and values and values[0] >= 0:
            yield _Use(name, operator, graph.tensors[values[0]])
