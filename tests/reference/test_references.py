"""The interpreters of a session, in the background."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import cast

import numpy as np
import pytest

from hil.data import Array, random_vectors
from hil.errors import HilError, ReferenceFailure
from hil.firmware.build import Builder
from hil.model.info import ModelInfo
from hil.reference import references as module
from hil.reference.reference import Reference, ReferenceName, ReferenceResult
from hil.reference.references import References, cancel
from hil.target import Target
from hil.tflm.source import TflmSource
from tests.model.data import stored

DEADLINE_S = 10.0
TFLM, TREE, LITERT = ReferenceName.TFLM, ReferenceName.TFLM_TREE, ReferenceName.LITERT


class Waiting:
    """A reference that runs until it is killed."""

    def __init__(self) -> None:
        self.begun, self.killed = Event(), Event()

    def run(
        self, model: ModelInfo, inputs: Sequence[Array], starts: Sequence[int] = ()
    ) -> ReferenceResult:
        self.begun.set()
        if not self.killed.wait(DEADLINE_S):
            raise AssertionError("nobody killed it")
        raise ReferenceFailure("killed")

    def kill(self) -> None:
        self.killed.set()

    def close(self) -> None:
        pass


@pytest.fixture
def opened() -> dict[ReferenceName, Waiting]:
    return {}


@pytest.fixture
def references(opened: dict[ReferenceName, Waiting]) -> References:
    def open_one(name: ReferenceName) -> Reference:
        return opened.setdefault(name, Waiting())

    return References((LITERT, ReferenceName.LITERT_REF), open_one)


def test_what_has_not_begun_does_not_begin_once_they_are_closed(
    references: References, opened: dict[ReferenceName, Waiting], dense_model: ModelInfo
) -> None:
    inputs = random_vectors(dense_model, 1, 0).inputs
    references.start(dense_model, inputs, cast(Builder, None))
    assert opened[LITERT].begun.wait(DEADLINE_S)
    references.close()
    assert not opened[ReferenceName.LITERT_REF].begun.is_set()


def test_cancelled_ones_do_not_begin_and_the_next_models_do(
    references: References, opened: dict[ReferenceName, Waiting], dense_model: ModelInfo
) -> None:
    inputs = random_vectors(dense_model, 1, 0).inputs
    pending = references.start(dense_model, inputs, cast(Builder, None))
    assert opened[LITERT].begun.wait(DEADLINE_S)
    cancel(pending)
    assert pending[ReferenceName.LITERT_REF].cancelled()
    opened[LITERT].kill()
    _, errors = references.collect({LITERT: pending[LITERT]})
    assert isinstance(errors[LITERT], HilError)
    again = references.start(dense_model, inputs, cast(Builder, None))
    assert opened[ReferenceName.LITERT_REF].begun.wait(DEADLINE_S)
    assert not again[LITERT].cancelled()
    references.close()


def test_every_tree_that_was_started_is_killed(
    monkeypatch: pytest.MonkeyPatch, builder: Builder, dense_model: ModelInfo
) -> None:
    trees: list[Waiting] = []

    def make(*_: object) -> Waiting:
        trees.append(Waiting())
        return trees[-1]

    monkeypatch.setattr(module, "TreeReference", make)
    references = References((TREE,))
    inputs = random_vectors(dense_model, 1, 0).inputs
    for _ in range(2):
        references.start(dense_model, inputs, builder)
    assert trees[0].begun.wait(DEADLINE_S)
    references.close()
    assert [tree.killed.is_set() for tree in trees] == [True, True]


def test_without_the_wheel_the_builders_tree_takes_its_place(
    monkeypatch: pytest.MonkeyPatch, builder: Builder, dense_model: ModelInfo
) -> None:
    monkeypatch.setattr(module, "has_tflm_wheel", lambda: False)
    monkeypatch.setattr(module, "TreeReference", lambda *_: Waiting())
    references = References((LITERT, TFLM), lambda _: Waiting())
    pending = references.start(dense_model, random_vectors(dense_model, 1, 0).inputs, builder)
    assert set(pending) == {TREE, LITERT}
    references.close()


@pytest.mark.toolchain
def test_where_the_wheel_refuses_the_builders_tree_is_asked(
    target: Target, tflm_2020: TflmSource
) -> None:
    """The wheel has no kernel for uint8, the image's own TFLM of 2020 has."""
    model, builder_2020 = stored("uint8fc"), Builder(target, tflm_2020)
    inputs = random_vectors(model, 3, 0).inputs
    references = References()
    results, errors = references.collect(references.start(model, inputs, builder_2020))
    references.close()
    assert "host TFLM refuses the model" in errors[TFLM].message
    assert "Traceback" not in errors[TFLM].detail
    assert np.array_equal(results[TREE].outputs[0], results[LITERT].outputs[0])
    assert "TFLM tree on this host" in results[TREE].label


def test_the_tree_is_left_alone_where_the_wheel_runs(
    dense_model: ModelInfo, builder: Builder
) -> None:
    references = References()
    pending = references.start(dense_model, random_vectors(dense_model, 1, 0).inputs, builder)
    results, errors = references.collect(pending)
    references.close()
    assert pending[TREE].result() is None
    assert set(results) == {TFLM, LITERT}
    assert errors == {}
