from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.bench.emulated import EmulatedBoard
from hil.checks.judge import judge
from hil.data import random_vectors
from hil.errors import HilError, LinkError
from hil.firmware.build import Builder
from hil.firmware.footprint import Footprint
from hil.measure import Job, measure
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.record import RunResult
from hil.reference.reference import ReferenceName
from hil.reference.references import Pending, References
from hil.report.terminal import summary_text
from hil.suite import Checks, Metric
from hil.target import Target
from hil.tflm.source import TflmSource
from hil.vocab import CheckName, Kind, Status
from tests import models

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
    def fail(*_: object) -> None:
        raise HilError("it died")

    monkeypatch.setattr("hil.reference.reference.ChildReference.run", fail)
    outcome = measure(job, board, references)
    assert set(outcome.reference_errors) == set(references.names)
    record = outcome.record
    assert record.metrics.outputs_elements is None
    assert record.absent["outputs_elements"] == "it died"
    assert record.absent["host_litert_latency_median_us"] == "it died"
    assert record.metrics.latency_median_instructions is not None


def test_references_on_request_are_compared_too(
    job: Job, board: EmulatedBoard, references: References
) -> None:
    chosen = References((ReferenceName.LITERT_REF, ReferenceName.LITERT_OPT))
    record = measure(job, board, chosen).record
    chosen.close()
    assert list(record.comparisons) == ["litert_ref", "litert_opt"]
    labels = [comparison.label for comparison in record.comparisons.values()]
    assert "reference kernels" in labels[0]
    assert "no XNNPACK" in labels[1]
    assert record.metrics.outputs_elements is None
    assert (
        record.absent["outputs_elements"]
        == "tflm or tflm_tree is not among the references asked for"
    )
    assert record.absent["litert_max_abs_error"] == "litert is not among the references asked for"


def test_without_the_wheel_the_tree_is_the_oracle(
    job: Job, board: EmulatedBoard, references: References, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.reference.references.has_tflm_wheel", lambda: False)
    outcome = measure(job, board, references)
    record = outcome.record
    assert record.oracle == "tflm_tree"
    assert record.metrics.outputs_differing_elements == 0
    assert record.metrics.arena_host_tflm_bytes
    assert judge(CheckName.OUTPUTS, outcome, Checks(), None).status is Status.PASS
    run = RunResult(None, record.model, record.target, "reference", record=record)
    text = summary_text([run], color=False)
    assert "TFLM: here tflm_tree, TFLM tree on this host" in text
    assert "0/300" in text


def test_every_output_of_a_model_with_several_is_compared(
    builder: Builder, board: EmulatedBoard, references: References
) -> None:
    model = parse_model(models.two_in_two_out(), "pair")
    vectors = random_vectors(model, 5, 1)
    job = Job("pairs", model, "pair", vectors, None, None, builder)
    outcome = measure(job, board, references)
    a, b = vectors.inputs
    assert np.array_equal(outcome.outputs[0], np.add(a, b))
    assert np.array_equal(outcome.outputs[1], np.maximum(a, b))
    comparison = outcome.record.comparisons["tflm"]
    assert [tensor.name for tensor in comparison.tensors] == ["sum", "maximum"]
    assert comparison.elements == 2 * 5 * 4
    assert comparison.is_equal
    assert judge(CheckName.OUTPUTS, outcome, Checks(), None).status is Status.PASS


def test_parts_of_the_accuracy_are_kept_for_device_and_references(
    job: Job, board: EmulatedBoard, references: References
) -> None:
    labels = np.zeros(job.vectors.count, np.int64)
    labelled = replace(job.vectors, labels=labels)
    record = measure(
        replace(job, vectors=labelled, metric=Metric(name="top1")), board, references
    ).record
    parts = record.samples.accuracy_parts
    assert parts is not None
    assert set(parts) == {"device", "tflm", "litert"}
    assert set(parts["device"]) <= {0.0, 1.0}
    assert np.mean(parts["device"]) == record.metrics.accuracy_device
    assert record.comparisons["litert"].accuracy == record.metrics.accuracy_litert


def test_operators_of_a_run_add_up_to_its_latency(
    job: Job, board: EmulatedBoard, references: References
) -> None:
    record = measure(job, board, references).record
    assert record.operators is not None
    assert [each.name for each in record.operators] == [o.name for o in job.model.operators]
    latency = record.samples.latency_instructions
    assert latency is not None
    total = sum(each.count for each in record.operators)
    assert 0.99 * latency[0] < total < latency[0]
    assert sum(each.macs for each in record.operators) == job.model.macs
    assert record.operators[0].weights_bytes > 0
    assert record.kernel_flash_bytes["conv.cpp"] > 0
    assert record.absent["confusion"]


def test_a_run_without_a_profile_is_a_run_with_a_reason(
    job: Job, board: EmulatedBoard, references: References, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise LinkError("what the operators told did not arrive")

    monkeypatch.setattr("hil.on_device.measure_profile", fails)
    record = measure(job, board, references).record
    assert record.operators is None
    assert "did not arrive" in record.absent["operators"]
    assert record.metrics.latency_median_instructions


def test_owners_nobody_knows_have_a_reason_instead_of_0(
    job: Job, board: EmulatedBoard, references: References, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.figures.read_footprint", lambda *_: Footprint({}, {}))
    record = measure(job, board, references).record
    for owner in ("kernels", "interpreter", "harness", "library"):
        assert getattr(record.metrics, f"flash_{owner}_bytes") is None
        assert "linker map" in record.absent[f"flash_{owner}_bytes"]
    assert record.metrics.flash_model_bytes


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
    assert log.read_text().count('"Infer"') == 33  # one warm-up, two beside the profile


def test_errors_name_the_board(job: Job, board: EmulatedBoard, references: References) -> None:
    os.kill(board.process.record.pid, signal.SIGKILL)
    with pytest.raises(HilError) as caught:
        measure(job, board, references)
    assert board.id in str(caught.value)


def test_a_board_that_fails_leaves_no_reference_waiting(
    job: Job, board: EmulatedBoard, references: References, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: Pending = {ReferenceName.TFLM: Future()}
    monkeypatch.setattr(references, "start", lambda *_: waiting)
    os.kill(board.process.record.pid, signal.SIGKILL)
    with pytest.raises(HilError):
        measure(job, board, references)
    assert waiting[ReferenceName.TFLM].cancelled()


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
