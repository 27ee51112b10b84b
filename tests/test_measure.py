from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.bench.emulated import EmulatedBoard
from hil.data import random_vectors
from hil.errors import HilError, LinkError
from hil.firmware.build import Builder
from hil.firmware.tflm import TflmSource
from hil.measure import Job, References, measure
from hil.model.info import ModelInfo
from hil.reference.reference import ReferenceName
from hil.target import Target
from hil.vocab import Kind

pytestmark = [pytest.mark.emulated, pytest.mark.toolchain]


@pytest.fixture
def references() -> Iterator[References]:
    interpreters = References()
    yield interpreters
    interpreters.close()


@pytest.fixture
def job(builder: Builder, digits_int8: ModelInfo) -> Job:
    return Job(
        suite="digits",
        model=digits_int8,
        model_label="digits_int8",
        vectors=random_vectors(digits_int8, 30, 1),
        metric=None,
        data=None,
        builder=builder,
    )


def test_an_int8_model_equals_host_tflm_bit_for_bit(
    job: Job, board: EmulatedBoard, references: References
) -> None:
    outcome = measure(job, board, references)
    metrics = outcome.record.metrics
    assert metrics.outputs_elements == 300
    assert metrics.outputs_differing_elements == 0
    expected = outcome.references[ReferenceName.TFLM].outputs[0]
    assert np.array_equal(outcome.outputs[0], expected)
    assert len(np.unique(expected)) > 20


def test_a_record_has_every_figure_or_a_reason(
    job: Job, board: EmulatedBoard, references: References
) -> None:
    record = measure(job, board, references).record
    for name, value in record.metrics:
        assert (value is None) == (name in record.absent), name
    assert record.kind is Kind.EMULATED
    assert record.samples.latency_cycles is None
    assert record.samples.latency_instructions is not None
    assert len(record.samples.latency_instructions) == 30


def test_a_reference_that_fails_is_noted_and_the_device_still_measured(
    job: Job, board: EmulatedBoard, references: References, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, model: object, inputs: object) -> None:
        raise HilError("it died")

    monkeypatch.setattr("hil.reference.reference.ChildReference.run", fail)
    outcome = measure(job, board, references)
    assert set(outcome.reference_errors) == set(ReferenceName)
    record = outcome.record
    assert record.metrics.outputs_elements is None
    assert record.absent["outputs_elements"] == "it died"
    assert record.absent["host_litert_latency_median_us"] == "it died"
    assert record.metrics.latency_median_instructions is not None


def test_progress_is_told_by_phase(job: Job, board: EmulatedBoard, references: References) -> None:
    seen: list[tuple[str, int, int]] = []
    measure(job, board, references, lambda *step: seen.append(step))
    assert ("program", 0, 0) in seen
    assert seen[-1] == ("measure", 30, 30)


def test_frames_are_logged_when_asked_for(
    job: Job, board: EmulatedBoard, references: References, tmp_path: Path
) -> None:
    log = tmp_path / "log" / "frames.jsonl"
    measure(replace(job, frame_log=log), board, references)
    assert log.read_text().count('"Infer"') == 31  # one warm-up


def test_errors_name_the_board(job: Job, board: EmulatedBoard, references: References) -> None:
    os.kill(board.process.record.pid, signal.SIGKILL)
    with pytest.raises(HilError) as caught:
        measure(job, board, references)
    assert board.id in str(caught.value)


def test_a_board_that_refuses_the_firmware_says_why(
    job: Job, target: Target, tflm: TflmSource, references: References
) -> None:
    clock = target.clock.model_copy(update={"flash_wait_states": 5})
    wrong = target.model_copy(update={"clock": clock})
    board = EmulatedBoard(wrong)
    with pytest.raises(LinkError) as caught:
        measure(replace(job, builder=Builder(wrong, tflm)), board, references)
    assert "needs 7 flash wait states, FLASH_ACR.LATENCY is 5" in caught.value.detail
    board.close()
