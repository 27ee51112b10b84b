"""What would go wrong with variables, and subgraphs, is said before anything is built."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.model.preflight import Limits, find_problems
from hil.model.rule import RuleSet
from hil.model.variables import variable_findings
from tests.models import Model, Operator, Tensor
from tests.state_models import MODELS, with_state

NAMES = (
    "ADD",
    "ASSIGN_VARIABLE",
    "AVERAGE_POOL_2D",
    "CALL_ONCE",
    "CONCATENATION",
    "FULLY_CONNECTED",
    "LOGISTIC",
    "MUL",
    "READ_VARIABLE",
    "SLICE",
    "SUB",
    "SVDF",
    "TANH",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "VAR_HANDLE",
)
LIMITS = Limits(dict.fromkeys(NAMES), "reference", RuleSet(), 1 << 20, 256 << 10)


def handle(output: int, **settings: str) -> Operator:
    return Operator("VAR_HANDLE", (), (output,), settings=settings)


def model_of(operators: Sequence[Operator], second: Sequence[int] = (1, 4)) -> ModelInfo:
    """x and y of 4 values, two handles, a value of the shape `second`."""
    tensors = [
        Tensor("FLOAT32", (1, 4), name="x"),
        Tensor("RESOURCE", (), name="a"),
        Tensor("RESOURCE", (), name="b"),
        Tensor("FLOAT32", (1, 4), name="read"),
        Tensor("FLOAT32", (1, 4), name="y"),
        Tensor("FLOAT32", second, np.zeros(second, np.float32), name="constant"),
    ]
    return parse_model(with_state(Model(tensors, list(operators), (0,), (4,))), "m")


READ_AND_ADD = [Operator("READ_VARIABLE", (1,), (3,)), Operator("ADD", (0, 3), (4,))]
ASSIGN = Operator("ASSIGN_VARIABLE", (1, 4), ())
NAMED = {"sharedName": "v", "container": ""}


@pytest.mark.parametrize("name", MODELS)
def test_models_that_work_pass(name: str) -> None:
    assert find_problems(parse_model(MODELS[name], name), LIMITS) == []


@pytest.mark.parametrize(
    ("operators", "second", "said"),
    [
        ([handle(1, **NAMED), *READ_AND_ADD], (1, 4), "'v' is read and never assigned"),
        ([handle(1, container=""), *READ_AND_ADD, ASSIGN], (1, 4), "a VAR_HANDLE has no name"),
        (
            [
                handle(1, **NAMED),
                handle(2, sharedName="w"),
                *READ_AND_ADD,
                ASSIGN,
                Operator("ASSIGN_VARIABLE", (2, 5), ()),
            ],
            (1, 4),
            "some variables have a container and others none",
        ),
        (
            [
                handle(1, **NAMED),
                handle(2, **NAMED),
                *READ_AND_ADD,
                ASSIGN,
                Operator("ASSIGN_VARIABLE", (2, 5), ()),
            ],
            (1, 3),
            "'v' is used as float32 of 12 bytes, float32 of 16 bytes",
        ),
    ],
)
def test_variables_that_would_go_wrong_are_refused(
    operators: Sequence[Operator], second: Sequence[int], said: str
) -> None:
    (problem,) = variable_findings(model_of(operators, second))
    assert said in problem.reason
    assert problem.remedy


def test_variables_that_are_right_have_no_problem() -> None:
    assert list(variable_findings(model_of([handle(1, **NAMED), *READ_AND_ADD, ASSIGN]))) == []


def test_a_subgraph_that_no_operator_runs_is_prepared_and_no_problem() -> None:
    tensors = [Tensor("FLOAT32", (1, 4), name=name) for name in ("x", "y")]
    plain = Model(tensors, [Operator("TANH", (0,), (1,))], (0,), (1,))
    model = parse_model(with_state(plain, plain), "m")
    assert find_problems(model, LIMITS) == []


def test_operators_of_further_subgraphs_need_kernels_too() -> None:
    tensors = [Tensor("FLOAT32", (1, 4), name=name) for name in ("x", "y")]
    main = Model(
        tensors,
        [
            Operator("CALL_ONCE", (), (), settings={"initSubgraphIndex": 1}),
            Operator("TANH", (0,), (1,)),
        ],
        (0,),
        (1,),
    )
    once = Model(tensors, [Operator("COS", (0,), (1,))], (0,), (1,))
    problems = find_problems(parse_model(with_state(main, once), "m"), LIMITS)
    assert [problem.operator.name for problem in problems if problem.operator] == ["COS"]


def test_where_tflm_runs_one_subgraph_what_calls_others_leads() -> None:
    old = Limits({"ADD": 1}, "reference", RuleSet(), 1 << 20, 256 << 10)
    first, *_ = find_problems(parse_model(MODELS["running_sum"], "m"), old)
    assert first.operator is not None
    assert first.operator.name == "CALL_ONCE"
    assert first.reason == "this TFLM has no kernel for it"
