"""Why a model cannot run on a target: found in the file, before anything is built.

What is true of the whole model stands here; what a single operator's kernel wants is in the rules
of the TFLM generation, which come with the Limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from hil.errors import UnsupportedModel
from hil.model.info import NUMPY_DTYPES, ModelInfo, OperatorInfo, TensorInfo
from hil.model.rule import Case, RuleSet
from hil.model.subgraphs import subgraph_findings
from hil.model.variables import variable_findings
from hil.vocab import Scheme

SCHEMA_VERSION = 3
# Estimates of code are at most this share off: measured over the suites' models (docs/memory.md).
CODE_TOLERANCE = 0.1
# What else is in the RAM of an arena: TFLM's own structures and the firmware's variables.
ARENA_ALLOWANCE_BYTES = 16 * 1024
# Types whose tensors take a byte an element once a model is quantized to int8.
_QUANTIZABLE = ("FLOAT32", "FLOAT16", "INT16")


@dataclass(frozen=True)
class Problem:
    """One reason why a model cannot run. `operator` is None when it is about the whole model,
    `types` are then empty; else those of the operator's tensors, as in `int16, int8 -> int16`.
    """

    reason: str
    remedy: str
    operator: OperatorInfo | None = None
    types: str = ""

    def __str__(self) -> str:
        where = f"operator {self.operator.index} {self.operator.name}: " if self.operator else ""
        types = f" (its tensors: {self.types})" if self.types else ""
        return f"{where}{self.reason}{types}; {self.remedy}"


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
    """Everything that keeps `model` from running, in the order of its operators; [] if nothing."""
    problems = list(_whole_model(model, limits))
    for graph in model.graphs:
        for operator in graph.operators:
            types = _types(graph, operator)
            problems += (
                replace(problem, types=types)
                for problem in _operator_problems(graph, operator, limits)
            )
    return problems


def require_runnable(model: ModelInfo, limits: Limits, title: str = "") -> None:
    """Raises UnsupportedModel when something keeps `model` from running.

    Its message is the first reason; with a `title` that is the message, and all reasons are below.
    """
    problems = find_problems(model, limits)
    if not problems:
        return
    if title:
        raise UnsupportedModel(title, detail="\n".join(f"- {problem}" for problem in problems))
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise UnsupportedModel(f"{problems[0]}{more}", step="preflight")


def _types(model: ModelInfo, operator: OperatorInfo) -> str:
    """The types of an operator's tensors; absent optional inputs are left out."""
    inputs, outputs = (
        ", ".join(model.tensors[i].type.lower() for i in indices if i >= 0)
        for indices in (operator.inputs, operator.outputs)
    )
    return f"{inputs} -> {outputs}"


def _whole_model(model: ModelInfo, limits: Limits) -> Iterator[Problem]:
    if model.schema_version != SCHEMA_VERSION:
        yield Problem(
            f"schema version {model.schema_version}, TFLM reads {SCHEMA_VERSION}",
            "convert it with a TensorFlow Lite converter",
        )
    for finding in (*subgraph_findings(model, limits.operators), *variable_findings(model)):
        yield Problem(finding.reason, finding.remedy)
    if not model.inputs or not model.outputs:
        yield Problem("no input or no output", "export the model with both")
    for role, tensors in (("input", model.input_tensors), ("output", model.output_tensors)):
        for tensor in tensors:
            if tensor.type not in NUMPY_DTYPES:
                yield Problem(
                    f"{role} {tensor.name!r} is {tensor.type}",
                    "use float32, int8, uint8, int16, int32, int64 or bool",
                )
    yield from _shapes(model)
    yield from _constants(model)
    yield from _lifetimes(model)
    yield from _flash(model, limits)
    yield from _arena(model, limits)


def _flash(model: ModelInfo, limits: Limits) -> Iterator[Problem]:
    smaller = "quantize it to int8 or make it smaller" if _is_float(model) else "make it smaller"
    if model.file_bytes > limits.flash_bytes:
        yield Problem(
            f"its file has {model.file_bytes:,} bytes, the target's flash {limits.flash_bytes:,}",
            smaller,
        )
        return
    code_bytes = limits.code_bytes(model)
    if code_bytes is None:
        return
    excess = model.file_bytes + code_bytes - limits.flash_bytes
    if excess > code_bytes * CODE_TOLERANCE:  # if nearer, the linker decides
        yield Problem(
            f"its file has {model.file_bytes:,} bytes and its code about {code_bytes:,}: together "
            f"about {excess:,} more than the target's flash of {limits.flash_bytes:,}",
            smaller,
        )


def _arena(model: ModelInfo, limits: Limits) -> Iterator[Problem]:
    needed = _activation_bytes(model)
    if needed <= limits.arena_bytes:
        return
    remedies = ["use smaller inputs or fewer channels"]
    quantized = _activation_bytes(model, as_int8=True)
    if quantized < needed and quantized <= limits.arena_bytes:
        remedies.insert(0, f"quantize it to int8: about {quantized:,} bytes")
    if needed + ARENA_ALLOWANCE_BYTES <= limits.joined_arena_bytes:
        all_ram = f"{limits.joined_ram_bytes // 1024:,} KiB"
        remedies.insert(0, f'fits with arena = "all" ({all_ram}) in the target file')
    yield Problem(
        f"one operator alone needs {needed:,} bytes of activations, "
        f"the target's arena has {limits.arena_bytes:,}",
        ", or ".join(remedies),
    )


def _is_float(model: ModelInfo) -> bool:
    """Whether its weights are larger than those of int8."""
    return model.scheme in (Scheme.FLOAT32, Scheme.FLOAT16)


def _shapes(model: ModelInfo) -> Iterator[Problem]:
    for graph in model.graphs:
        # Others have a shape of 0: quantized LSTMs have tensors of which only the scale counts.
        used = {i for operator in graph.operators for i in (*operator.inputs, *operator.outputs)}
        for tensor in graph.tensors:
            if any(size < 0 for size in tensor.shape):
                yield Problem(
                    f"tensor {tensor.index} {tensor.name!r} has the dynamic shape {tensor.shape}",
                    "fix every dimension when converting, the batch to 1",
                )
            elif tensor.elements == 0 and not tensor.is_constant and tensor.index in used:
                yield Problem(
                    f"tensor {tensor.index} {tensor.name!r} has no elements",
                    "remove the operators around it",
                )


def _all_tensors(model: ModelInfo) -> Iterator[TensorInfo]:
    for graph in model.graphs:
        yield from graph.tensors


def _constants(model: ModelInfo) -> Iterator[Problem]:
    for tensor in _all_tensors(model):
        where = f"tensor {tensor.index} {tensor.name!r}"
        if tensor.is_external:
            yield Problem(
                f"{where} is stored outside the flatbuffer, where this TFLM does not look",
                "write it inline, as hil model convert does (ai-edge-quantizer stores models from "
                "256 KiB on like this)",
            )
        elif tensor.is_sparse:
            yield Problem(f"{where} is sparse, which this TFLM does not know", "store it dense")
        elif tensor.data_bytes is not None and tensor.bytes not in (None, tensor.data_bytes):
            yield Problem(
                f"{where} has {tensor.data_bytes:,} bytes of data, its shape {tensor.bytes:,}",
                "convert the model again",
            )


def _lifetimes(model: ModelInfo) -> Iterator[Problem]:
    """TFLM plans memory for tensors that are made and used; any other stops it, or is address 0."""
    made = {i for operator in model.operators for i in operator.outputs} | set(model.inputs)
    used = {i for operator in model.operators for i in operator.inputs} | set(model.outputs)
    for tensor in model.tensors:
        where = f"tensor {tensor.index} {tensor.name!r}"
        if tensor.is_constant:
            if tensor.index in model.inputs:
                yield Problem(f"{where} is an input and a constant", "export the model again")
        elif tensor.index in made and tensor.index not in used:
            yield Problem(f"{where} is computed and never used", "remove it from the model")
        elif tensor.index in used and tensor.index not in made and not tensor.is_variable:
            yield Problem(f"{where} is used, but nothing makes it", "export the model again")


def _activation_bytes(model: ModelInfo, *, as_int8: bool = False) -> int:
    """The most that one operator's inputs and outputs take together: no plan can need less.

    `as_int8`: after the model was quantized to int8.
    """

    def size(tensor: TensorInfo) -> int:
        is_smaller = as_int8 and tensor.type in _QUANTIZABLE
        return tensor.elements if is_smaller else tensor.bytes or 0

    most = 0
    for operator in model.operators:
        used = {i for i in (*operator.inputs, *operator.outputs) if i >= 0}
        tensors = [model.tensors[i] for i in used if not model.tensors[i].is_constant]
        most = max(most, sum(map(size, tensors)))
    return most


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
            "write the model with the TensorFlow Lite converter or with hil model convert "
            "(ai-edge-quantizer leaves it out)",
            operator,
        )
    for finding in limits.rules.findings(Case(model, operator, limits.kernels)):
        yield Problem(finding.reason, finding.remedy, operator)
    yield from _version_problem(operator, limits)


def _missing_kernel(operator: OperatorInfo, limits: Limits) -> Problem:
    if operator.is_custom:
        return Problem(
            f"custom operator {operator.name!r} has no kernel here",
            "express it with built-in operators",
            operator,
        )
    remedy = limits.rules.instead_of.get(operator.name, "replace the layer, or use a TFLM with it")
    return Problem("this TFLM has no kernel for it", remedy, operator)


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
