"""Which further subgraphs of a model run, and why a model with some cannot."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hil.model.info import ModelInfo
from hil.model.rule import Finding

# Operators that run subgraphs, and the options that say which.
SUBGRAPH_OPTIONS = {
    "CALL_ONCE": ("initSubgraphIndex",),
    "IF": ("thenSubgraphIndex", "elseSubgraphIndex"),
    "WHILE": ("condSubgraphIndex", "bodySubgraphIndex"),
}


def subgraph_findings(model: ModelInfo, operators: Collection[str]) -> Iterator[Finding]:
    """What is wrong with the subgraphs for a TFLM that has kernels for `operators`: every further
    one must be run by one of them.
    """
    if not model.further_subgraphs:
        return
    if not SUBGRAPH_OPTIONS.keys() & set(operators):
        yield Finding(
            f"{model.subgraphs} subgraphs, this TFLM runs 1",
            "remove control flow (IF, WHILE, CALL_ONCE) from the model",
        )
        return
    run = subgraphs_run(model)
    for subgraph in model.further_subgraphs:
        if subgraph.index not in run:
            name = f" {subgraph.name!r}" if subgraph.name else ""
            yield Finding(
                f"no operator runs subgraph {subgraph.index}{name}: it is a signature of its own",
                "convert the model with one signature",
            )


def subgraphs_run(model: ModelInfo) -> set[int]:
    """Indices of the subgraphs that run: the main one, and those that operators of these name."""
    graphs, found, to_look_at = model.graphs, {0}, [0]
    while to_look_at:
        for operator in graphs[to_look_at.pop()].operators:
            for option in SUBGRAPH_OPTIONS.get(operator.name, ()):
                index = int((operator.options or {}).get(option, 0))
                if index not in found and index < len(graphs):
                    found.add(index)
                    to_look_at.append(index)
    return found
