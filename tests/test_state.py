"""Models that remember: on a board, on this host's tree and in every reference, from the same
beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.arena import measure_arena, restarter
from hil.bench.emulated import EmulatedBoard
from hil.bisect import first_divergence
from hil.bundle.measure import measure_with_evidence
from hil.bundle.replay import replay
from hil.bundle.verify import verify
from hil.checks.judge import judge
from hil.data import Vectors, random_vectors
from hil.device import Device, start_device
from hil.firmware.build import Builder
from hil.firmware.host_build import HostBuilder
from hil.measure import Job
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.profile import measure_profile
from hil.progress import silent
from hil.reference.reference import ChildReference, ReferenceName
from hil.reference.references import References
from hil.reference.tree import TreeReference, start_tree
from hil.rounds import RoundPolicy
from hil.state import restore, steps_through, typical_vector
from hil.stream import stream
from hil.suite import Checks, Metric
from hil.target import Target
from hil.tflm.locate import locate_tflm
from hil.tflm.source import TflmSource
from hil.vocab import CheckName
from tests.state_models import MODELS, doubled

LENGTHS = (4, 1, 3)
SHUFFLED = (2, 0, 1)
TIMEOUT_S = 10.0
ROUNDS = RoundPolicy(min_rounds=2 * sum(LENGTHS), max_time_s=0.0)


def sequences_of(model: ModelInfo) -> Vectors:
    return replace(random_vectors(model, sum(LENGTHS), 1), sequence_lengths=LENGTHS)


def rows_of(order: Sequence[int]) -> list[int]:
    """The steps of the sequences in that order."""
    starts = np.cumsum((0, *LENGTHS))
    return [row for i in order for row in range(starts[i], starts[i + 1])]


def shuffled(vectors: Vectors) -> Vectors:
    """The sequences in another order."""
    inputs = tuple(array[rows_of(SHUFFLED)] for array in vectors.inputs)
    return replace(vectors, inputs=inputs, sequence_lengths=tuple(LENGTHS[i] for i in SHUFFLED))


@pytest.fixture(scope="session")
def tflm_2024() -> TflmSource:
    """That of 2020 has no variables."""
    return locate_tflm("2024")


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> ModelInfo:
    return parse_model(MODELS[request.param], request.param)


@pytest.fixture
def builder(target: Target, tflm_2024: TflmSource, model: ModelInfo) -> Builder:
    # CMSIS-NN's quantized LSTM ends in a hard fault (hil.tflm.rules_2024_state).
    kernels = "reference" if model.name == "lstm_int8" else "cmsis_nn"
    return Builder(target, tflm_2024, kernels)


@pytest.fixture(scope="module")
def references() -> Iterator[dict[ReferenceName, ChildReference]]:
    names = (ReferenceName.TFLM, ReferenceName.LITERT, ReferenceName.LITERT_REF)
    opened = {name: ChildReference(name) for name in names}
    yield opened
    for reference in opened.values():
        reference.close()


# ---- references


def test_a_reference_begins_every_sequence_anew(
    model: ModelInfo, references: dict[ReferenceName, ChildReference]
) -> None:
    vectors = sequences_of(model)
    other = shuffled(vectors)
    for reference in references.values():
        found = reference.run(model, vectors.inputs, vectors.starts).outputs[0]
        again = reference.run(model, other.inputs, other.starts).outputs[0]
        assert np.array_equal(found[rows_of(SHUFFLED)], again)
        one_sequence = reference.run(model, vectors.inputs).outputs[0]
        assert not np.array_equal(found, one_sequence)
        assert np.array_equal(found[: LENGTHS[0]], one_sequence[: LENGTHS[0]])


def test_the_references_agree_step_by_step(
    model: ModelInfo, references: dict[ReferenceName, ChildReference]
) -> None:
    vectors = sequences_of(model)
    tflm, *others = (
        reference.run(model, vectors.inputs, vectors.starts).outputs[0].astype(np.float64)
        for reference in references.values()
    )
    for outputs in others:
        # LiteRT rounds the products of an LSTM's gates otherwise.
        bound = 1 if model.name == "lstm_int8" else 0 if outputs.max() > 10 else 1e-6
        assert np.abs(outputs - tflm).max() <= bound


# ---- the device


@pytest.fixture
def device(model: ModelInfo, builder: Builder, board: EmulatedBoard) -> Iterator[Device]:
    opened = start_device(board, builder.build(model), builder.target)
    yield opened
    opened.close()


def streamed_outputs(
    model: ModelInfo, vectors: Vectors, device: Device, board: EmulatedBoard, builder: Builder
) -> np.ndarray:
    clock_hz = builder.target.clock.core_clock_hz
    return stream(device, board, model, vectors, clock_hz, ROUNDS, silent).outputs[0]


@pytest.mark.emulated
@pytest.mark.toolchain
def test_the_board_begins_every_sequence_anew(
    model: ModelInfo,
    device: Device,
    board: EmulatedBoard,
    builder: Builder,
    references: dict[ReferenceName, ChildReference],
) -> None:
    vectors = sequences_of(model)
    found = streamed_outputs(model, vectors, device, board, builder)
    again = streamed_outputs(model, shuffled(vectors), device, board, builder)
    assert np.array_equal(found[rows_of(SHUFFLED)], again)
    reference = references[ReferenceName.TFLM].run(model, vectors.inputs, vectors.starts)
    tree = TreeReference(HostBuilder.beside(builder)).run(model, vectors.inputs, vectors.starts)
    for expected in (reference.outputs[0], tree.outputs[0]):
        error = np.abs(found.astype(np.float64) - expected.astype(np.float64)).max()
        assert error <= (0 if model.is_integer else 1e-6)


@pytest.mark.emulated
@pytest.mark.toolchain
def test_a_board_that_is_not_reset_gives_other_outputs(
    model: ModelInfo,
    device: Device,
    board: EmulatedBoard,
    builder: Builder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the test above would see if the reset were left out."""
    vectors = sequences_of(model)
    found = streamed_outputs(model, vectors, device, board, builder)
    monkeypatch.setattr(device, "reset", lambda: None)
    once = RoundPolicy(min_rounds=1, max_time_s=0.0)
    clock_hz = builder.target.clock.core_clock_hz
    wrong = stream(device, board, model, vectors, clock_hz, once, silent).outputs[0]
    assert not np.array_equal(wrong, found)


@pytest.mark.emulated
@pytest.mark.toolchain
def test_bisect_profile_and_arena_bring_the_state_back(
    model: ModelInfo, device: Device, board: EmulatedBoard, builder: Builder
) -> None:
    vectors, image = sequences_of(model), builder.build(model)
    index = typical_vector(model, vectors)
    assert index == 1
    host = start_tree(HostBuilder.beside(builder), model)
    try:
        for step in (index, 6):
            assert first_divergence(device, host, model, vectors, step, TIMEOUT_S) is None
    finally:
        host.close()

    def prepare() -> None:
        restore(device, model, vectors, index, TIMEOUT_S)

    inputs = vectors.input_bytes(index)
    empty_window = 0
    profile = measure_profile(device, model, inputs, empty_window, TIMEOUT_S, None, prepare)
    assert [o.name for o in profile.operators] == [o.name for o in model.operators]
    assert 0 < profile.rest_cycles < profile.clean_cycles

    steps = steps_through(model, vectors, index)
    assert len(steps) == 2
    restart = restarter(board.flasher.reset, lambda: device.hello(image, builder.target))
    truth = measure_arena(device, steps, TIMEOUT_S, restart)
    device.allocate()
    expected = [device.infer(inputs, TIMEOUT_S).outputs for inputs in steps]
    device.allocate(truth.minimum_bytes)
    assert [device.infer(inputs, TIMEOUT_S).outputs for inputs in steps] == expected


@pytest.mark.emulated
@pytest.mark.toolchain
def test_what_a_step_costs_does_not_depend_on_how_often_it_is_measured(
    model: ModelInfo, device: Device, board: EmulatedBoard, builder: Builder
) -> None:
    vectors = sequences_of(model)
    clock_hz = builder.target.clock.core_clock_hz
    cycles = stream(device, board, model, vectors, clock_hz, ROUNDS, silent).cycles
    assert cycles[: vectors.count] == cycles[vectors.count :]


@pytest.mark.emulated
@pytest.mark.toolchain
@pytest.mark.parametrize("model", ["svdf_int8"], indirect=True)
def test_a_run_over_sequences_is_measured_judged_and_replayed(
    model: ModelInfo, builder: Builder, board: EmulatedBoard, tmp_path: Path
) -> None:
    vectors = replace(sequences_of(model), labels=np.array([1, 2, 3]))
    metric = Metric(name="top1", over="last")
    job = Job("s", model, "svdf", vectors, metric, None, builder)
    asked = References()
    try:
        outcome = measure_with_evidence(job, board, asked, Checks(), tmp_path)
    finally:
        asked.close()
    record = outcome.record
    assert record.metrics.outputs_elements == vectors.count * 8
    assert record.metrics.outputs_differing_elements == 0
    assert (record.metrics.latency_samples or 0) >= vectors.count
    assert record.samples.accuracy_parts is not None
    assert [len(parts) for parts in record.samples.accuracy_parts.values()] == [3, 3, 3]
    assert record.confusion is not None
    assert np.sum(record.confusion) == 3
    assert [operator.name for operator in record.operators or ()] == ["SVDF"]
    verdict = judge(CheckName.ACCURACY, outcome, Checks(), metric)
    assert verdict.reason.endswith("over 3 sequences (last step of each); no limit")
    folder = tmp_path / record.run_id
    assert verify(folder) == []
    assert replay(folder).differences == ()


@pytest.mark.emulated
@pytest.mark.toolchain
def test_operators_of_a_loop_are_part_of_it(
    target: Target, tflm_2024: TflmSource, board: EmulatedBoard
) -> None:
    looped = Builder(target, tflm_2024)
    inputs = random_vectors(parse_model(doubled(1), "loop"), 1, 0)
    cycles = []
    for times in (1, 5):
        model = parse_model(doubled(times), "loop")
        device = start_device(board, looped.build(model), target)
        try:
            reply = device.infer(inputs.input_bytes(0), TIMEOUT_S)
            profile = measure_profile(device, model, inputs.input_bytes(0), 0, TIMEOUT_S)
        finally:
            device.close()
        assert np.array_equal(
            np.frombuffer(reply.outputs[0], "<f4"), inputs.inputs[0].ravel() * 2**times
        )
        assert [operator.name for operator in profile.operators] == ["WHILE"]
        cycles.append(profile.operators[0].cycles)
    assert cycles[1] > 3 * cycles[0]
