from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hil.errors import ReferenceFailure
from hil.host_score import HostScorer
from hil.model.flatbuffer import parse_model
from hil.reference.references import References
from hil.suite import Metric
from hil.suite_data import SuiteData
from tests import models

# The pinned TFLM would take the first scale for all channels, so it is refused; LiteRT runs it.
PER_CHANNEL = parse_model(models.dense_int8((0.1, 0.2, 0.3)), "per-channel")
TOP1 = Metric(name="top1")
DATA = """
import numpy as np
def test_data():
    return {"x": np.eye(4, dtype=np.float32), "y": np.array([2, 2, 2, 0])}
def host_data():
    return {"x": np.ones((10, 4), np.float32), "y": np.full(10, 2)}
def broken():
    raise OSError("gone")
"""


@pytest.fixture
def references() -> Iterator[References]:
    interpreters = References(())
    yield interpreters
    interpreters.close()


@pytest.fixture
def data(tmp_path: Path) -> SuiteData:
    path = tmp_path / "data.py"
    path.write_text(DATA)
    return SuiteData(path, "test_data")


def test_litert_scores_what_no_board_can_run(references: References, data: SuiteData) -> None:
    score = HostScorer(references, PER_CHANNEL, TOP1).score(
        partial(data.vectors, PER_CHANNEL, "test_data")
    )
    # Row c of the weights is -6 + 4 c + column: class 2 wins wherever a single input is not 0.
    assert (score.value, score.vectors, score.metric) == (0.75, 4, "top1")
    assert score.source == "data.py:test_data"
    assert score.label is not None
    assert score.label.startswith("LiteRT")
    assert score.reason == ""


def test_a_larger_set_is_scored_the_same_way(references: References, data: SuiteData) -> None:
    score = HostScorer(references, PER_CHANNEL, TOP1).score(
        partial(data.vectors, PER_CHANNEL, "host_data")
    )
    assert (score.value, score.vectors) == (1.0, 10)


def test_without_a_metric_the_reason_is_given(references: References, data: SuiteData) -> None:
    score = HostScorer(references, PER_CHANNEL, None).score(
        partial(data.vectors, PER_CHANNEL, "test_data")
    )
    assert score.value is None
    assert "no metric" in score.reason


def test_data_that_fails_is_a_reason_not_an_exception(
    references: References, data: SuiteData
) -> None:
    score = HostScorer(references, PER_CHANNEL, TOP1).score(
        partial(data.vectors, PER_CHANNEL, "broken")
    )
    assert score.value is None
    assert "raised OSError: gone" in score.reason


def test_a_litert_that_fails_is_a_reason_not_an_exception(
    references: References, data: SuiteData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ReferenceFailure("LiteRT refuses the model")

    monkeypatch.setattr("hil.reference.reference.ChildReference.run", fail)
    score = HostScorer(references, PER_CHANNEL, TOP1).score(
        partial(data.vectors, PER_CHANNEL, "test_data")
    )
    assert (score.value, score.reason) == (None, "LiteRT refuses the model")
    assert score.vectors == 4


def test_a_model_that_litert_refuses_is_a_reason(references: References, data: SuiteData) -> None:
    unknown = parse_model(models.single_operator("FULLY_CONNECTED", version=99), "unknown")
    score = HostScorer(references, unknown, TOP1).score(partial(data.vectors, unknown, "test_data"))
    assert score.value is None
    assert "refuses the model" in score.reason
