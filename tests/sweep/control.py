"""IF, WHILE, CALL_ONCE: operators that run other subgraphs."""

from __future__ import annotations

from tests.models import Model, Operator
from tests.sweep.draft import Draft, Feed, Quantization
from tests.sweep.elementwise import Family

VARIABLE = {"sharedName": b"variable", "container": b""}


def _branch(
    draft: Draft, shape: tuple[int, ...], quantization: Quantization | None, name: str
) -> Draft:
    """A subgraph that holds x against a constant, element by element: y = name(x, constant)."""
    branch = Draft(draft.rng, name, draft.type)
    x = branch.input(draft.type, shape, quantization)
    c = branch.constant(draft.type, branch.random(draft.type, shape), quantization)
    y = branch.output(draft.type, shape, quantization)
    branch.operators.append(Operator(name, [x, c], [y]))
    return branch


def _model(branch: Draft) -> Model:
    return Model(branch.tensors, branch.operators, branch.inputs, branch.outputs)


def if_(draft: Draft) -> None:
    """Either the larger or the smaller of x and a constant, by a bool input."""
    shape, quantization = draft.shape(), draft.quantization()
    condition = draft.input("BOOL", draft.pick((1,), ()))
    x = draft.input(draft.type, shape, quantization)
    draft.output(draft.type, shape, quantization)
    names = ("MAXIMUM", "MINIMUM")
    draft.branches = [_model(_branch(draft, shape, quantization, name)) for name in names]
    draft.add([condition, x], thenSubgraphIndex=1, elseSubgraphIndex=2)


def while_(draft: Draft) -> None:
    """Counts an input up to a bound; each pass raises x to a constant."""
    shape, quantization = draft.shape(), draft.quantization()
    bound = draft.note("bound", draft.integer(1, 4))
    counter = draft.input("INT32", (1,), feed=Feed(0, bound))
    x = draft.input(draft.type, shape, quantization)
    draft.output("INT32", (1,))
    draft.output(draft.type, shape, quantization)
    condition = Draft(draft.rng, "LESS", draft.type)
    i = condition.input("INT32", (1,))
    condition.input(draft.type, shape, quantization)
    n = condition.constant("INT32", [bound])
    condition.operators.append(Operator("LESS", [i, n], [condition.output("BOOL", (1,))]))
    body = _branch(draft, shape, quantization, "MAXIMUM")
    before = body.input("INT32", (1,))
    one = body.constant("INT32", [1])
    after = body.tensor("INT32", (1,))
    body.operators.append(Operator("ADD", [before, one], [after]))
    body.inputs.reverse()
    body.outputs.insert(0, after)
    draft.branches = [_model(condition), _model(body)]
    draft.add([counter, x], condSubgraphIndex=1, bodySubgraphIndex=2)


def call_once(draft: Draft) -> None:
    """A variable set by a subgraph at the first inference, then the running maximum with x."""
    shape, quantization = draft.shape(), draft.quantization()
    first = Draft(draft.rng, draft.operator, draft.type)
    value = first.constant(draft.type, first.random(draft.type, shape), quantization)
    handle = first.tensor("RESOURCE", (1,))
    first.operators += _handle(handle), Operator("ASSIGN_VARIABLE", [handle, value], [])
    draft.branches = [_model(first)]
    x = draft.input(draft.type, shape, quantization)
    handle = draft.tensor("RESOURCE", (1,))
    kept = draft.tensor(draft.type, shape, quantization)
    y = draft.output(draft.type, shape, quantization)
    draft.stateful = True
    draft.operators += _once(), _handle(handle), Operator("READ_VARIABLE", [handle], [kept])
    draft.operators += (
        Operator("MAXIMUM", [kept, x], [y]),
        Operator("ASSIGN_VARIABLE", [handle, y], []),
    )


def _once() -> Operator:
    return Operator("CALL_ONCE", [], [], settings={"initSubgraphIndex": 1})


def _handle(tensor: int) -> Operator:
    return Operator("VAR_HANDLE", [], [tensor], settings=VARIABLE)


FAMILIES: dict[str, Family] = {"IF": if_, "WHILE": while_, "CALL_ONCE": call_once}
TYPES: dict[str, tuple[str, ...]] = dict.fromkeys(FAMILIES, ("FLOAT32", "INT8", "INT16", "INT32"))
