"""Why a model cannot run on a target: found in the file, before anything is built.

What is true of the whole model stands in `whole_model`; what a single operator's kernel wants is in
the rules of the TFLM generation, which come with the Limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from hil.errors import UnsupportedModel
from hil.model.info import ModelInfo, OperatorInfo
from hil.model.problem import Problem, problem_texts
from hil.model.recognise import made_for
from hil.model.rule import Case, RuleSet
from hil.model.sizes import size_problems
from hil.model.variables import variable_findings
from hil.model.whole_model import (
    CONTROL_FLOW,
    causes,
    prepared_graphs,
    shape_chain,
    tensor_problems,
)


def _unknown(_model: ModelInfo) -> int | None:
    return None


@dataclass(frozen=True)
class Limits:
    """What the target and the TFLM at hand offer: sizes in bytes, operators with the highest
    version their tree's own table names (None: the tree does not look at versions), rules for them.

    `joined_arena_bytes` is the most that `arena = "all"` in the target file gives, of
    `joined_ram_bytes` that hold the stack too. `code_bytes` estimates the flash that the code of a
    model's image takes, and gives None where nothing is known of it.
    """

    operators: Mapping[str, int | None]
    kernels: str
    rules: RuleSet
    flash_bytes: int
    arena_bytes: int
    joined_arena_bytes: int = 0
    joined_ram_bytes: int = 0
    code_bytes: Callable[[ModelInfo], int | None] = _unknown


def find_problems(model: ModelInfo, limits: Limits) -> list[Problem]:
    """Everything that keeps `model` from running: causes first, then tensors, operators, sizes.

    What follows from a cause is left out. [] if it runs.
    """
    main, *further = (_by_operator(graph, limits) for graph in prepared_graphs(model, limits))
    follows = shape_chain(model) | _compiled(model)
    own = [(op, problem) for op, problem in main if op.index not in follows]
    own += [pair for graph in further for pair in graph]
    return [
        *causes(model, limits, {operator.index for operator, _ in main}),
        *(problem for operator, problem in own if operator.name in CONTROL_FLOW),
        *(Problem(each.reason, each.remedy) for each in variable_findings(model)),
        *tensor_problems(model, limits),
        *(problem for operator, problem in own if operator.name not in CONTROL_FLOW),
        *size_problems(model, limits),
    ]


def _by_operator(graph: ModelInfo, limits: Limits) -> list[tuple[OperatorInfo, Problem]]:
    return [
        (operator, replace(problem, types=_types(graph, operator)))
        for operator in graph.operators
        for problem in _operator_problems(graph, operator, limits)
    ]


def require_runnable(model: ModelInfo, limits: Limits, title: str = "") -> None:
    """Raises UnsupportedModel when something keeps `model` from running.

    Its message is the first reason; with a `title` that is the message, and all reasons are below.
    """
    texts = problem_texts(find_problems(model, limits))
    if not texts:
        return
    if title:
        raise UnsupportedModel(title, detail="\n".join(f"- {text}" for text in texts))
    more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
    raise UnsupportedModel(f"{texts[0]}{more}", step="preflight")


def _compiled(model: ModelInfo) -> set[int]:
    """Operators that `made_for` speaks of."""
    if made_for(model) is None:
        return set()
    return {operator.index for operator in model.operators if operator.is_custom}


def _types(model: ModelInfo, operator: OperatorInfo) -> str:
    """The types of an operator's tensors; absent optional inputs are left out."""
    inputs, outputs = (
        ", ".join(model.tensors[i].type.lower() for i in indices if i >= 0)
        for indices in (operator.inputs, operator.outputs)
    )
    return f"{inputs} -> {outputs}"


def _operator_problems(
    model: ModelInfo, operator: OperatorInfo, limits: Limits
) -> Iterator[Problem]:
    """Why this operator cannot run, the cause first."""
    if operator.name not in limits.operators:
        yield _missing_kernel(operator, limits)
        return
    if operator.legacy_code_differs and limits.operators[operator.name] is not None:
        yield Problem(
            "its code stands in the newer field only: this TFLM reads the older one and would run "
            "another operator",
            "hil model fix writes both (ai-edge-quantizer leaves the older one out)",
            operator,
        )
    found = limits.rules.findings(Case(model, operator, limits.kernels))
    for finding in found:
        yield Problem(finding.reason, finding.remedy, operator)
    if not found:  # a newer version is but the sign of a feature that no rule knows
        yield from _version_problem(operator, limits)


def _missing_kernel(operator: OperatorInfo, limits: Limits) -> Problem:
    if operator.is_custom:
        reason = f"custom operator {operator.name!r} has no kernel here"
        otherwise = "express it with built-in operators"
    else:
        reason, otherwise = "this TFLM has no kernel for it", "replace the layer"
    return Problem(reason, limits.rules.instead_of.get(operator.name, otherwise), operator)


def _version_problem(operator: OperatorInfo, limits: Limits) -> Iterator[Problem]:
    highest = limits.operators[operator.name]
    if highest is None or operator.version <= highest:
        return
    if (operator.name, operator.version) not in limits.rules.same_meaning:
        yield Problem(
            f"version {operator.version}, this TFLM knows up to {highest}",
            "convert with an older converter or without the newer feature",
            operator,
        )
