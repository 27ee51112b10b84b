"""Vectors in rounds: every sample is kept, wraps are undone, impossible samples are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from hil import stream as stream_module
from hil.data import random_vectors
from hil.device import Inference
from hil.errors import BenchError, DeviceFault, LinkError
from hil.model.info import ModelInfo
from hil.progress import silent
from hil.rounds import RoundPolicy
from hil.stream import Streamed, infer_timeout_s, stream
from hil.trace import InferenceTrace
from hil.vocab import Kind

CLOCK_HZ = 1_000_000


@dataclass
class Tensor:
    bytes: int


class FakeBoard:
    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def executed_instructions(self) -> int | None:
        return None


class FakeDevice:
    """Takes `seconds` of the host's time for an inference and counts `cycles` in 32 bits."""

    def __init__(self, model: ModelInfo, cycles: Sequence[int], seconds: float = 1.0) -> None:
        self.inputs = tuple(Tensor(t.bytes or 0) for t in model.input_tensors)
        self.outputs = tuple(Tensor(t.bytes or 0) for t in model.output_tensors)
        self.cycles, self.seconds = cycles, seconds
        self.now_s = 0.0
        self.count = -1  # the warm-up
        self.reset_after: list[int] = []
        self.changes_after = 1000

    def reset(self) -> None:
        self.reset_after.append(self.count + 1)

    def infer(self, inputs: Sequence[bytes], timeout_s: float, is_working: object) -> Inference:
        self.now_s += self.seconds
        cycles = self.cycles[self.count % len(self.cycles)] if self.count >= 0 else 1
        self.count += 1
        fill = b"\1" if self.count > self.changes_after - 1 else b"\0"
        outputs = tuple(fill * tensor.bytes for tensor in self.outputs)
        return Inference(outputs, cycles % (1 << 32))


def run(
    model: ModelInfo,
    device: FakeDevice,
    *,
    kind: Kind = Kind.EMULATED,
    vectors: int = 3,
    rounds: RoundPolicy | None = None,
) -> Streamed:
    return stream(
        device,  # type: ignore[arg-type]
        FakeBoard(kind),  # type: ignore[arg-type]
        model,
        random_vectors(model, vectors, 0),
        CLOCK_HZ,
        rounds or RoundPolicy(min_rounds=1, max_time_s=0),
        silent,
        lambda: device.now_s,
    )


def test_one_sample_for_each_vector_after_a_warm_up(dense_model: ModelInfo) -> None:
    device = FakeDevice(dense_model, [100, 200, 300])
    streamed = run(dense_model, device)
    assert streamed.cycles == (100, 200, 300)
    assert streamed.outputs[0].shape == (3, 1, 3)
    assert streamed.impossible == ()


def test_few_vectors_are_run_in_rounds(dense_model: ModelInfo) -> None:
    device = FakeDevice(dense_model, [100, 200, 300])
    policy = RoundPolicy(min_rounds=7, precision=10, max_time_s=1000)
    streamed = run(dense_model, device, rounds=policy)
    assert streamed.cycles == (100, 200, 300, 100, 200, 300, 100)
    assert len(streamed.outputs[0]) == 3


def test_the_budget_of_time_ends_noisy_rounds(dense_model: ModelInfo) -> None:
    device = FakeDevice(dense_model, [100, 900], seconds=1.0)
    policy = RoundPolicy(min_rounds=2, precision=0.001, max_time_s=20)
    assert len(run(dense_model, device, rounds=policy).cycles) == 20


def test_a_counter_that_came_around_is_unwrapped_by_the_operators(
    dense_model: ModelInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = 5_000_000_000
    traces = []

    def traced(*arguments: object, **options: object) -> InferenceTrace:
        traces.append(arguments)
        return InferenceTrace((), whole - 1000, 0)

    monkeypatch.setattr(stream_module, "trace", traced)
    device = FakeDevice(dense_model, [whole, whole + 7, whole - 9], seconds=12.0)
    streamed = run(dense_model, device)
    assert streamed.cycles == (whole, whole + 7, whole - 9)
    assert len(traces) == 1


def test_a_model_with_state_begins_where_its_references_begin(dense_model: ModelInfo) -> None:
    tensors = (replace(dense_model.tensors[0], is_variable=True), *dense_model.tensors[1:])
    model = replace(dense_model, tensors=tensors)
    device = FakeDevice(model, [100])
    policy = RoundPolicy(min_rounds=8, precision=10, max_time_s=1000)
    run(model, device, rounds=policy)
    assert device.reset_after == [1, 4, 7]  # inferences: a warm-up, then rounds of three


def test_a_model_without_state_is_never_reset(dense_model: ModelInfo) -> None:
    device = FakeDevice(dense_model, [100])
    run(dense_model, device)
    assert device.reset_after == []


def test_outputs_that_change_from_round_to_round_are_a_fault(dense_model: ModelInfo) -> None:
    device = FakeDevice(dense_model, [100])
    device.changes_after = 5
    policy = RoundPolicy(min_rounds=8, precision=10, max_time_s=1000)
    with pytest.raises(DeviceFault, match="vector 1 gives other outputs from one run to the next"):
        run(dense_model, device, rounds=policy)


def test_a_counter_ahead_of_the_hosts_clock_is_impossible_and_kept(dense_model: ModelInfo) -> None:
    device = FakeDevice(dense_model, [900_000, 2_000_000, 900_000], seconds=1.0)
    streamed = run(dense_model, device, kind=Kind.HARDWARE)
    assert streamed.cycles == (900_000, 2_000_000, 900_000)
    assert streamed.impossible == (1,)


def test_a_counter_that_is_always_ahead_is_an_error(dense_model: ModelInfo) -> None:
    device = FakeDevice(dense_model, [2_000_000], seconds=1.0)
    with pytest.raises(BenchError, match="the counter cannot be believed"):
        run(dense_model, device, kind=Kind.HARDWARE)


def test_tensors_of_another_size_are_refused(dense_model: ModelInfo) -> None:
    device = FakeDevice(dense_model, [100])
    device.outputs = (Tensor(8),)
    with pytest.raises(LinkError, match="has 8 bytes on the device, 12 in the model"):
        run(dense_model, device)


def test_the_first_deadline_grows_with_the_model(digits_int8: ModelInfo) -> None:
    assert infer_timeout_s(digits_int8, 216_000_000) == 10.0
    assert infer_timeout_s(digits_int8, 216_000) == pytest.approx(digits_int8.macs * 200 / 216_000)
