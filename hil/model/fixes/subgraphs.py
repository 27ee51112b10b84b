"""Subgraphs: the one that runs comes first, those that nothing calls are removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hil.errors import ConfigError, did_you_mean
from hil.model.words import counted

# Fields of the schema's options tables that hold a subgraph's number.
CALLS = (
    "thenSubgraphIndex",
    "elseSubgraphIndex",
    "condSubgraphIndex",
    "bodySubgraphIndex",
    "initSubgraphIndex",
    "comparatorSubgraphIndex",
    "decompositionSubgraphIndex",
    "subgraph",
)


def keep_called(model: Any, signature: str | None = None) -> list[str]:
    """Leaves the subgraph of `signature` (default: the first) and those it calls.

    Raises ConfigError when there is no such signature.
    """
    first = 0 if signature is None else _subgraph_of(model, signature)
    reached = _reached(model, first)
    order = [first, *(i for i in sorted(reached) if i != first)]
    if order == list(range(len(model.subgraphs))):
        return []
    dropped = len(model.subgraphs) - len(order)
    lost = [s for s in model.signatureDefs or [] if s.subgraphIndex not in reached]
    number = {old: new for new, old in enumerate(order)}
    model.subgraphs = [model.subgraphs[i] for i in order]
    for table, field in _calls(model.subgraphs):
        setattr(table, field, number[getattr(table, field)])
    if model.signatureDefs is not None:
        model.signatureDefs = [s for s in model.signatureDefs if s.subgraphIndex in reached]
        for entry in model.signatureDefs:
            entry.subgraphIndex = number[entry.subgraphIndex]
    if not dropped:
        return [f"signature {signature!r} is the one that runs"]
    names = ", ".join(repr(s.signatureKey.decode(errors="replace")) for s in lost)
    which = f" (signatures {names})" if names else ""
    return [f"{counted(dropped, 'subgraph')} that the first one does not call removed{which}"]


def called_subgraphs(model: Any) -> set[int]:
    """The first subgraph and those that it calls, directly or through others."""
    return _reached(model, 0)


def _subgraph_of(model: Any, signature: str) -> int:
    known = {
        s.signatureKey.decode(errors="replace"): s.subgraphIndex for s in model.signatureDefs or []
    }
    if signature not in known:
        raise ConfigError(
            f"the model has no signature {signature!r}", hint=did_you_mean(signature, list(known))
        )
    return int(known[signature])


def _reached(model: Any, first: int) -> set[int]:
    reached: set[int] = set()
    waiting = [first]
    while waiting:
        index = waiting.pop()
        if index in reached or not 0 <= index < len(model.subgraphs):
            continue
        reached.add(index)
        graph = model.subgraphs[index]
        waiting += [int(getattr(table, field)) for table, field in _calls([graph])]
    return reached


def _calls(graphs: list[Any]) -> Iterator[tuple[Any, str]]:
    for graph in graphs:
        for operator in graph.operators or []:
            for table in (operator.builtinOptions, operator.builtinOptions2):
                for field in CALLS:
                    if isinstance(getattr(table, field, None), int) and getattr(table, field) >= 0:
                        yield table, field
