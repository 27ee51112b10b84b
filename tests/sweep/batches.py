"""Many one-operator models as one model: one link and one board run test them all.

Their graphs stay apart in one subgraph with all their inputs and outputs. When a batch fails, the
model whose operator TFLM names is run alone and the others again; where it names none, halves are,
until the guilty model is alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import starmap
from typing import Any, Protocol

from hil.errors import HilError
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from tests.models import Model, Operator, Tensor, write
from tests.sweep.draft import Array, Drawn

# So that inputs and outputs of all of them fit the arena beside scratch buffers.
MOST_TENSOR_BYTES = 160_000
# The protocol numbers inputs and outputs by a byte, and answers with a CRC of each input at once.
MOST_TENSORS = 240
ABSENT = -1
VARIABLE_NAME = "sharedName"
SUBGRAPH_INDEX = "SubgraphIndex"


@dataclass(frozen=True)
class Task:
    """A drawn model with what it is fed: for each input an array of N x its shape."""

    drawn: Drawn
    inputs: list[Array]

    @property
    def tensor_bytes(self) -> int:
        """What its inputs, outputs and states take, roughly: every element at most 4 bytes."""
        tensors = [t for t in self.drawn.model.tensors if t.data is None]
        return sum(4 * _elements(tensor) for tensor in tensors)


@dataclass(frozen=True)
class Ran:
    """What became of a task: outputs as arrays of N x shape, or what the device said instead."""

    outputs: tuple[Array, ...] | None
    failure: str = ""


class Runner(Protocol):
    """Builds and runs a model, on a board or on this host."""

    def run(self, model: ModelInfo, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Every vector in order, state kept between them. Raises HilError."""


def _elements(tensor: Tensor) -> int:
    count = 1
    for size in tensor.shape:
        count *= size
    return count


def batches(tasks: Sequence[Task], most: int) -> list[list[Task]]:
    """The tasks in order, at most `most` together, within the arena and the protocol."""
    result: list[list[Task]] = []
    used = Load()
    for task in tasks:
        added = used.plus(task)
        if not result or len(result[-1]) == most or not added.fits:
            result.append([])
            added = Load().plus(task)
        result[-1].append(task)
        used = added
    return result


@dataclass(frozen=True)
class Load:
    """What a batch asks of the board."""

    tensor_bytes: int = 0
    inputs: int = 0
    outputs: int = 0

    def plus(self, task: Task) -> Load:
        """With one more task."""
        model = task.drawn.model
        return Load(
            self.tensor_bytes + task.tensor_bytes,
            self.inputs + len(model.inputs),
            self.outputs + len(model.outputs),
        )

    @property
    def fits(self) -> bool:
        """Whether a board takes it."""
        most = max(self.inputs, self.outputs)
        return self.tensor_bytes <= MOST_TENSOR_BYTES and most <= MOST_TENSORS


def merged(models: Sequence[Model]) -> Model:
    """One model that holds all of them, side by side."""
    whole = Model([], [], [], [])
    inputs: list[int] = []
    outputs: list[int] = []
    branches: list[Model] = []
    for number, model in enumerate(models):
        move = _Move(number, len(whole.tensors), len(branches))
        whole.tensors += [replace(t, name=f"m{number}_{t.name}") for t in model.tensors]
        whole.operators += [move.operator(operator) for operator in model.operators]
        inputs += move.indices(model.inputs)
        outputs += move.indices(model.outputs)
        inside = replace(move, tensors=0)
        branches += [
            replace(branch, operators=[inside.operator(each) for each in branch.operators])
            for branch in model.branches
        ]
    return replace(whole, inputs=inputs, outputs=outputs, branches=branches)


@dataclass(frozen=True)
class _Move:
    """Where model `number` goes in the whole: its tensors and branches begin there."""

    number: int
    tensors: int
    branches: int

    def indices(self, indices: Sequence[int]) -> list[int]:
        return [i if i == ABSENT else i + self.tensors for i in indices]

    def operator(self, operator: Operator) -> Operator:
        settings = operator.settings
        return replace(
            operator,
            settings=None if settings is None else dict(starmap(self._setting, settings.items())),
            inputs=self.indices(operator.inputs),
            outputs=self.indices(operator.outputs),
            intermediates=self.indices(operator.intermediates),
        )

    def _setting(self, name: str, value: Any) -> tuple[str, Any]:
        """A subgraph's index is moved, a variable gets a name of its own."""
        if name.endswith(SUBGRAPH_INDEX):
            return name, value + self.branches
        return name, f"m{self.number}_".encode() + value if name == VARIABLE_NAME else value


def run_all(runner: Runner, tasks: Sequence[Task]) -> list[Ran]:
    """What became of each of the tasks, run together as far as that works."""
    if not tasks:
        return []
    whole = parse_model(write(merged([task.drawn.model for task in tasks])), "batch")
    try:
        found = runner.run(whole, [array for task in tasks for array in task.inputs])
    except HilError as error:
        said = f"{type(error).__name__}: {error.message} {error.detail}".strip()
        if len(tasks) == 1:
            return [Ran(None, said)]
        guilty = _guilty(said, tasks)
        if guilty is not None:
            others = run_all(runner, [*tasks[:guilty], *tasks[guilty + 1 :]])
            others[guilty:guilty] = run_all(runner, [tasks[guilty]])
            return others
        middle = len(tasks) // 2
        return run_all(runner, tasks[:middle]) + run_all(runner, tasks[middle:])
    result, place = [], 0
    for task in tasks:
        count = len(task.drawn.model.outputs)
        result.append(Ran(found[place : place + count]))
        place += count
    return result


def _guilty(said: str, tasks: Sequence[Task]) -> int | None:
    """The task whose operator TFLM names by its number, as in 'Node PAD (number 12) failed'."""
    named = re.search(r"\(number (\d+)", said)
    if named is None:
        return None
    number = int(named[1])
    for index, task in enumerate(tasks):
        number -= len(task.drawn.model.operators)
        if number < 0:
            return index
    return None
