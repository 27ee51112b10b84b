"""`hil model fix`: a `.tflite` file changed so that it runs, where that changes no result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hil.errors import ReferenceFailure
from hil.model.fixes.constants import fix_batch, fold_constants
from hil.model.fixes.form import complete_form, drop_unreferenced
from hil.model.fixes.graph import Graph
from hil.model.fixes.interface import int8_interface
from hil.model.fixes.operators import (
    activation_of_its_own,
    dense_between_reshapes,
    shape_operator_as_reshape,
)
from hil.model.fixes.subgraphs import keep_called
from hil.model.fixes.unused import (
    remove_dead_operators,
    remove_unused_inputs,
    slice_used_outputs,
)
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.model.preflight import Limits, find_problems
from hil.model.writer import open_model, write_model

# Changes to an operator that the chosen TFLM does not run as it is.
REPLACEMENTS: tuple[Callable[[Graph, Any], list[str]], ...] = (
    shape_operator_as_reshape,
    dense_between_reshapes,
    activation_of_its_own,
    slice_used_outputs,
)


@dataclass(frozen=True)
class Fixed:
    """The changed model, and a sentence for each thing done; without any it is the model given.

    `not_done` says what was tried in vain.
    """

    model: ModelInfo
    done: tuple[str, ...]
    not_done: tuple[str, ...]


def fix_model(
    model: ModelInfo,
    limits: Limits | None = None,
    *,
    signature: str | None = None,
    int8_io: bool = False,
) -> Fixed:
    """`model` with every remedy applied that changes no result.

    For any TFLM: a free batch is fixed to 1 and what follows from it folded, unused operators,
    tensors and uncalled subgraphs go, constants come inline. With `limits`, operators that this
    TFLM does not run are replaced where others compute the same. `signature` names the subgraph
    that is to run; `int8_io` makes uint8 inputs and outputs of an int8 model int8, which its user
    must know. Raises ConfigError for an unknown signature, ModelError for constants in another
    file.
    """
    opened = open_model(model.content)
    graph = Graph(opened)
    not_done: list[str] = []
    done = [*complete_form(opened), *keep_called(opened, signature), *fix_batch(graph)]
    try:
        done += fold_constants(graph, model.content)
    except ReferenceFailure as error:
        not_done.append(f"shapes were not computed: {error.message}")
    done += remove_dead_operators(graph)
    if int8_io:
        done += int8_interface(graph)
    if limits is not None:
        done += _replace_blocked(graph, model, limits)
    orphans = drop_unreferenced(graph)
    # After other changes they are what these left behind.
    done = done or orphans
    if not done:
        return Fixed(model, (), tuple(not_done))
    content = write_model(opened, model.content)
    return Fixed(parse_model(content, model.name), tuple(_folded(done)), tuple(not_done))


def _replace_blocked(graph: Graph, model: ModelInfo, limits: Limits) -> list[str]:
    """Replaces the operators that have a finding, and drops inputs that nothing reads."""
    now = parse_model(write_model(graph.model, model.content), model.name)
    problems = find_problems(now, limits)
    # Operators of other subgraphs are left alone.
    blocked = [any(problem.operator is each for problem in problems) for each in now.operators]
    done = []
    for operator in [graph.operators[i] for i, is_blocked in enumerate(blocked) if is_blocked]:
        for replacement in REPLACEMENTS:
            texts = replacement(graph, operator)
            done += texts
            if texts:
                break
    if limits.rules.stops_at_unused:
        done += remove_unused_inputs(graph)
    return done


def _folded(texts: list[str]) -> list[str]:
    """Each text once, with how often it was there."""
    return [
        text if texts.count(text) == 1 else f"{text} ({texts.count(text)} times)"
        for text in dict.fromkeys(texts)
    ]
