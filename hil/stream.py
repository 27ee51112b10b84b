"""Streams vectors to a device, in rounds, until the median is known well enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from hil.bench.board import Board
from hil.bench.watchdog import Watchdog
from hil.data import Array, Vectors
from hil.device import Device, Inference, outputs_as_arrays
from hil.errors import BenchError, DeviceFault, LinkError
from hil.link.host import Clock
from hil.model.info import ModelInfo
from hil.progress import Progress
from hil.rounds import RoundPolicy, unwrapped
from hil.state import starts_of
from hil.trace import trace
from hil.vocab import Kind

WARM_UP_INFERENCES = 1
MIN_INFER_TIMEOUT_S = 10.0
CYCLES_PER_MAC = 200
# A warm-up that takes longer may have gone around the 32 bits of the counter: even an emulated core
# executes no 2^32 instructions in this time.
WRAP_IS_POSSIBLE_S = 4.0
# A counter cannot run ahead of the host's clock by more than what crystals and scheduling explain.
RATE_TOLERANCE = 0.05


@dataclass(frozen=True)
class Streamed:
    """What a device gave for all vectors.

    `cycles` (on emulated boards instructions) has one sample for each vector in their order, then
    those of further rounds, again from the first vector on; `impossible` are the indices of samples
    that cannot be true. `outputs` holds an array of N x output shape for each output tensor.
    """

    cycles: tuple[int, ...]
    impossible: tuple[int, ...]
    outputs: tuple[Array, ...]


def infer_timeout_s(model: ModelInfo, core_clock_hz: int) -> float:
    """How long one inference may take before it is called a hang; emulated boards have this many
    cycles' worth of instructions instead.
    """
    return max(MIN_INFER_TIMEOUT_S, model.macs * CYCLES_PER_MAC / core_clock_hz)


def stream(
    device: Device,
    board: Board,
    model: ModelInfo,
    vectors: Vectors,
    core_clock_hz: int,
    rounds: RoundPolicy,
    on_progress: Progress,
    now: Clock = monotonic,
) -> Streamed:
    """Runs every vector, after a warm-up, and further rounds as long as the policy wants them;
    `now` is the clock that latencies cannot run ahead of. A model with state is reset wherever a
    sequence begins.

    Raises LinkError when the device's tensors are not the model's, DeviceFault when a vector's
    outputs change from round to round, BenchError when no sample can be true, and what Device.infer
    raises.
    """
    _check_tensors(model, device)
    run = _Stream(device, board, model, vectors, core_clock_hz, now)
    run.warm_up()
    start = now()
    rows = []
    for index in range(vectors.count):
        on_progress("measure", index, vectors.count)
        rows.append(run.sample(index))
    on_progress("measure", vectors.count, vectors.count)
    while not rounds.is_enough(run.cycles, now() - start):
        index = len(run.cycles) % vectors.count
        if run.sample(index) != rows[index]:
            raise DeviceFault(
                f"{vectors.name_of(index)} gives other outputs from one run to the next",
                hint="unstable supply, clock or memory",
                step="measure",
            )
    if len(run.impossible) == len(run.cycles):
        raise BenchError(
            "every latency is longer than the host waited for it: the counter cannot be believed",
            hint="check the oscillator in the target file",
            step="measure",
        )
    return Streamed(tuple(run.cycles), tuple(run.impossible), outputs_as_arrays(model, rows))


class _Stream:
    def __init__(
        self,
        device: Device,
        board: Board,
        model: ModelInfo,
        vectors: Vectors,
        core_clock_hz: int,
        now: Clock,
    ) -> None:
        self._device = device
        self._board = board
        self._vectors = vectors
        self._clock_hz = core_clock_hz
        self._now = now
        self._timeout_s = infer_timeout_s(model, core_clock_hz)
        self._resets = frozenset(starts_of(model, vectors))
        self._estimate: int | None = None
        self.cycles: list[int] = []
        self.impossible: list[int] = []

    def warm_up(self) -> None:
        """Inferences that are not counted. After long ones the operators' sum, which is kept in 64
        bits, tells how often the counter comes around.
        """
        start = self._now()
        for _ in range(WARM_UP_INFERENCES):
            self._infer(0)
        if self._now() - start > WRAP_IS_POSSIBLE_S:
            inputs = self._vectors.input_bytes(0)
            watched = trace(self._device, inputs, self._timeout_s, is_working=self._watchdog())
            self._estimate = watched.net_cycles

    def sample(self, index: int) -> tuple[bytes, ...]:
        """One inference; its cycles are noted, its outputs returned. Vectors come in their order:
        what a model remembers is then what it should.
        """
        if index in self._resets:
            self._device.reset()
        start = self._now()
        inference = self._infer(index)
        elapsed_s = self._now() - start
        cycles = inference.cycles
        if self._estimate is not None:
            cycles = unwrapped(cycles, self._estimate)
        if self._board.kind is Kind.HARDWARE:
            most = elapsed_s * self._clock_hz * (1 + RATE_TOLERANCE)
            if cycles > most:
                self.impossible.append(len(self.cycles))
        self.cycles.append(cycles)
        return inference.outputs

    def _infer(self, index: int) -> Inference:
        inputs = self._vectors.input_bytes(index)
        return self._device.infer(inputs, self._timeout_s, self._watchdog())

    def _watchdog(self) -> Callable[[], bool]:
        return Watchdog(self._board, int(self._timeout_s * self._clock_hz)).is_working


def _check_tensors(model: ModelInfo, device: Device) -> None:
    """The device's tensors must be as large as the model file says."""
    pairs = zip(
        (*model.input_tensors, *model.output_tensors),
        (*device.inputs, *device.outputs),
        strict=True,
    )
    for expected, found in pairs:
        if expected.bytes != found.bytes:
            raise LinkError(
                f"tensor {expected.name!r} has {found.bytes} bytes on the device, "
                f"{expected.bytes} in the model",
                step="allocate",
            )
