"""The sweep's own parts, with LiteRT as the real thing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from hil.errors import DeviceFault
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.reference.reference import ChildReference, ReferenceName
from tests.models import write
from tests.sweep.batches import Ran, Runner, Task, batches, merged, run_all
from tests.sweep.catalogue import FAMILIES, Kind, draw, kinds
from tests.sweep.draft import Array
from tests.sweep.judges import Judgement, Opinion
from tests.sweep.report import Table, kept
from tests.sweep.vectors import VECTORS, vectors
from tests.sweep.verdict import Verdict, judged

SEED = 5
MODELS = 2
# Of the many ways a graph is put together: constants, several outputs, state, branches, variables.
SAMPLED = ("ADD", "CALL_ONCE", "CONV_2D", "IF", "SPLIT", "SVDF", "VAR_HANDLE", "WHILE")


class LiteRt:
    """A Runner: LiteRT's reference kernels."""

    def __init__(self) -> None:
        self.reference = ChildReference(ReferenceName.LITERT_REF)

    def run(self, model: ModelInfo, inputs: Sequence[Array]) -> tuple[Array, ...]:
        return self.reference.run(model, inputs).outputs


@pytest.fixture(scope="module")
def litert() -> Iterator[LiteRt]:
    runner = LiteRt()
    yield runner
    runner.reference.close()


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    """Two float32 models of each sampled operator."""
    rng = np.random.default_rng(SEED)
    drawn = [
        model
        for operator in SAMPLED
        for model in itertools.islice(draw(Kind(operator, "FLOAT32"), SEED), 2)
    ]
    return [Task(model, vectors(model, rng)) for model in drawn]


class Faulty:
    """A Runner: LiteRT, but any model with such an operator fails, named or not."""

    def __init__(self, runner: Runner, operator: str, said: str) -> None:
        self._runner, self._operator, self._said = runner, operator, said

    def run(self, model: ModelInfo, inputs: Sequence[Array]) -> tuple[Array, ...]:
        for operator in model.operators:
            if operator.name == self._operator:
                raise DeviceFault("Invoke failed", detail=self._said.format(operator.index))
        return self._runner.run(model, inputs)


@pytest.mark.parametrize("operator", sorted(FAMILIES))
def test_the_same_seed_draws_the_same_models_and_every_one_can_be_read(operator: str) -> None:
    for kind in (kind for kind in kinds() if kind.operator == operator):
        first, second, other = (
            [drawn.content() for drawn in itertools.islice(draw(kind, seed), MODELS)]
            for seed in (SEED, SEED, SEED + 1)
        )
        assert first == second
        assert first != other
        for drawn in itertools.islice(draw(kind, SEED), MODELS):
            model = parse_model(drawn.content(), operator)
            assert operator in {each.name for each in model.operators}
            shapes = [array.shape for array in vectors(drawn, np.random.default_rng(SEED))]
            assert shapes == [(VECTORS, *tensor.shape) for tensor in model.input_tensors]


def test_models_merged_into_one_give_what_each_gives_alone(
    litert: LiteRt, tasks: list[Task]
) -> None:
    together = run_all(litert, tasks)
    for task, ran in zip(tasks, together, strict=True):
        (alone,) = run_all(litert, [task])
        assert ran.outputs is not None and alone.outputs is not None
        for mine, theirs in zip(ran.outputs, alone.outputs, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("said", ["Node CONV_2D (number {}f) failed to prepare", "no answer"])
def test_a_batch_that_fails_is_run_again_without_the_guilty_model(
    litert: LiteRt, tasks: list[Task], said: str
) -> None:
    found = run_all(Faulty(litert, "CONV_2D", said), tasks)
    failed = [t.drawn.operator for t, r in zip(tasks, found, strict=True) if r.outputs is None]
    assert failed == ["CONV_2D", "CONV_2D"]
    assert len(found) == len(tasks)


def test_batches_hold_every_task_once_in_order(tasks: list[Task]) -> None:
    parts = batches(tasks, 3)
    assert [task for part in parts for task in part] == tasks
    assert max(map(len, parts)) == 3


def test_a_whole_merged_model_is_a_valid_file(tasks: list[Task]) -> None:
    model = parse_model(write(merged([task.drawn.model for task in tasks])), "merged")
    assert len(model.inputs) == sum(len(task.inputs) for task in tasks)
    # IF and WHILE have two branches, CALL_ONCE has one; two models of each, and the main graph.
    assert model.subgraphs == 1 + 2 * (2 + 2 + 1)


def test_one_wrong_bit_is_found_and_the_model_kept(
    litert: LiteRt, tasks: list[Task], tmp_path: Path
) -> None:
    task = next(task for task in tasks if task.drawn.operator == "SPLIT")
    (ran,) = run_all(litert, [task])
    assert ran.outputs is not None
    opinion = Opinion(ran.outputs)
    right = judged(task, "reference", ran, Judgement(opinion, opinion))
    assert right.verdict is Verdict.RIGHT
    spoiled = [array.copy() for array in ran.outputs]
    spoiled[-1].view(np.uint32).flat[-1] ^= 1
    wrong = judged(task, "reference", Ran(tuple(spoiled)), Judgement(opinion, Opinion(None, "no")))
    assert wrong.verdict is Verdict.WRONG
    assert "1 of" in wrong.words
    table = Table()
    table.add(Kind("SPLIT", "FLOAT32"), wrong)
    (place,) = kept(table.bad, tmp_path)
    assert (place / "model.tflite").read_bytes() == task.drawn.content()
    with np.load(place / "vectors.npz") as archive:
        assert {"input_0", "device_0", "litert_0"} <= set(archive.files)
    assert "passed 1: 0 right" in table.lines()[-1]


def test_what_no_judge_takes_is_not_called_right(litert: LiteRt, tasks: list[Task]) -> None:
    (ran,) = run_all(litert, tasks[:1])
    nobody = Judgement(Opinion(None, "refused"), Opinion(None, "refused"))
    assert judged(tasks[0], "reference", ran, nobody).verdict is Verdict.UNJUDGED
