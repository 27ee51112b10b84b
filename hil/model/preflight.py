"""Why a model cannot run on a target: found in the file, before anything is built.

What is true of the whole model stands in `whole_model`, what a single operator's kernel wants in
`kernel_rules`. Both describe the TFLM generation in `firmware_harness/tflm`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hil.errors import UnsupportedModel
from hil.model.info import ModelInfo, OperatorInfo
from hil.model.kernel_rules import SAME_MEANING, findings
from hil.model.problem import Problem, problem_texts
from hil.model.recognise import made_for
from hil.model.rule import Case
from hil.model.whole_model import (
    CONTROL_FLOW,
    causes,
    shape_chain,
    size_problems,
    tensor_problems,
)
from hil.target import Target
from hil.vocab import KernelLibrary


@dataclass(frozen=True)
class Limits:
    """What the target and the TFLM at hand offer: sizes in bytes, operators with the highest
    version their resolver table names.
    """

    operators: Mapping[str, int]
    kernels: KernelLibrary
    flash_bytes: int
    arena_bytes: int
    stops_at_unused: bool = True


def limits_of(target: Target, operators: Mapping[str, int], kernels: KernelLibrary) -> Limits:
    """What a target and a TFLM tree with these operators offer to a model."""
    placement = target.placement
    arena = target.ram_bytes if placement.arena == "all" else target.memory[placement.arena].bytes
    return Limits(operators, kernels, flash_bytes=target.flash.bytes, arena_bytes=arena)


def find_problems(model: ModelInfo, limits: Limits) -> list[Problem]:
    """Everything that keeps `model` from running: causes first, then tensors, operators, sizes.

    What follows from a cause is left out. [] if it runs.
    """
    by_operator = [
        replace(problem, types=_types(model, operator))
        for operator in model.operators
        for problem in _operator_problems(model, operator, limits)
    ]
    blocked = {problem.operator.index for problem in by_operator if problem.operator is not None}
    found = list(causes(model, blocked))
    follows = shape_chain(model) | _compiled(model)
    by_operator = [p for p in by_operator if p.operator is None or p.operator.index not in follows]
    control = [p for p in by_operator if p.operator is not None and p.operator.name in CONTROL_FLOW]
    rest = [problem for problem in by_operator if problem not in control]
    found += [*control, *tensor_problems(model, limits), *rest, *size_problems(model, limits)]
    return found


def _compiled(model: ModelInfo) -> set[int]:
    """Operators that `made_for` speaks of."""
    if made_for(model) is None:
        return set()
    return {operator.index for operator in model.operators if operator.is_custom}


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
    """Every reason why this operator cannot run; of one that is not there, just that."""
    if operator.is_custom:
        yield Problem(
            f"custom operator {operator.name!r} has no kernel here",
            "express it with built-in operators",
            operator,
        )
        return
    if operator.name not in limits.operators:
        yield Problem(
            "this TFLM has no kernel for it", _remedy_for_missing(operator.name), operator
        )
        return
    if operator.legacy_code_differs:
        yield Problem(
            "its code stands in the newer field only: this TFLM reads the older one and would run "
            "another operator",
            "hil model fix writes both (ai-edge-quantizer leaves the older one out)",
            operator,
        )
    found = findings(Case(model, operator, limits.kernels))
    for finding in found:
        yield Problem(finding.reason, finding.remedy, operator)
    # A newer version is the sign of a newer feature: said when the feature itself is not known.
    version = None if found else _version_problem(operator, limits)
    if version is not None:
        yield version


def _remedy_for_missing(name: str) -> str:
    remedies = {
        "EXPAND_DIMS": "hil model fix makes it a RESHAPE",
        "SQUEEZE": "hil model fix makes it a RESHAPE",
        "SPLIT_V": "hil model fix replaces it by STRIDED_SLICE",
        "TRANSPOSE": "hil model fix makes it a RESHAPE where only dimensions of 1 move; else keep "
        "the layout channels-last",
        "HARD_SWISH": "use ReLU or ReLU6",
        "LEAKY_RELU": "use ReLU or PReLU",
        "TILE": "of UpSampling2D: use tf.image.resize(x, size, method='nearest') instead",
        "WHILE": "unroll the recurrent layer (in Keras unroll=True), then hil model fix",
    }
    other = "replace the layer, or give a TFLM that has it (--tflm, in pytest --hil-tflm)"
    return remedies.get(name, other)


def _version_problem(operator: OperatorInfo, limits: Limits) -> Problem | None:
    highest = limits.operators[operator.name]
    if operator.version <= highest or (operator.name, operator.version) in SAME_MEANING:
        return None
    return Problem(
        f"version {operator.version}, this TFLM knows up to {highest}",
        "convert with an older converter or without the newer feature",
        operator,
    )
