"""Measures one model on one board: program, handshake, every vector, references beside it."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import monotonic

import numpy as np

from hil import __version__
from hil.bench.board import Board
from hil.bench.watchdog import Watchdog
from hil.checks.agreement import Agreement
from hil.checks.metrics import Score
from hil.data import Array, Vectors
from hil.device import Device, Inference, start_device
from hil.errors import HilError, LinkError
from hil.firmware.build import Builder
from hil.firmware.image import Image
from hil.link.log import FrameLog
from hil.link.messages import PROTOCOL_MAJOR, AllocateReply
from hil.model.info import ModelInfo
from hil.progress import Progress, silent
from hil.record import (
    Condition,
    Environment,
    Metrics,
    RunRecord,
    Samples,
    Subject,
)
from hil.reference.reference import (
    DEFAULT_REFERENCES,
    Reference,
    ReferenceName,
    ReferenceResult,
    open_reference,
)
from hil.suite import Metric
from hil.suite_data import SuiteData
from hil.vocab import CounterUnit, Kind

WARM_UP_INFERENCES = 1
MIN_INFER_TIMEOUT_S = 10.0
CYCLES_PER_MAC = 200


@dataclass(frozen=True)
class Job:
    """What to measure."""

    suite: str | None
    model: ModelInfo
    model_label: str
    vectors: Vectors
    metric: Metric | None
    data: SuiteData | None
    builder: Builder
    frame_log: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """A run and what did not fit into its record: outputs as arrays of N x output shape."""

    record: RunRecord
    image: Image
    outputs: tuple[Array, ...]
    references: dict[ReferenceName, ReferenceResult]
    reference_errors: dict[ReferenceName, HilError]
    accuracy_errors: dict[str, HilError] = field(default_factory=dict)


class References:
    """The host interpreters of a session, opened when first used and kept warm."""

    def __init__(
        self,
        names: Sequence[ReferenceName] = DEFAULT_REFERENCES,
        open_one: Callable[[ReferenceName], Reference] = open_reference,
    ) -> None:
        self.names = tuple(names)
        self._open_one = open_one
        self._interpreters: dict[ReferenceName, Reference] = {}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reference")

    def start(
        self, model: ModelInfo, inputs: Sequence[Array]
    ) -> dict[ReferenceName, Future[ReferenceResult]]:
        """Begins to run the vectors on all of them, one after the other, in the background."""
        return {
            name: self._pool.submit(self._interpreter(name).run, model, inputs)
            for name in self.names
        }

    def run(
        self, name: ReferenceName, model: ModelInfo, inputs: Sequence[Array]
    ) -> ReferenceResult:
        """Runs the vectors on that one, asked for or not. Raises ReferenceFailure."""
        return self._pool.submit(self._interpreter(name).run, model, inputs).result()

    def _interpreter(self, name: ReferenceName) -> Reference:
        if name not in self._interpreters:
            self._interpreters[name] = self._open_one(name)
        return self._interpreters[name]

    def close(self) -> None:
        """Ends them, whatever they are doing: what is still running is not wanted any more."""
        for interpreter in self._interpreters.values():
            interpreter.kill()
        self._pool.shutdown(cancel_futures=True)
        for interpreter in self._interpreters.values():
            interpreter.close()


@dataclass(frozen=True)
class _OnDevice:
    """What the board gave."""

    arena: AllocateReply
    cycles: tuple[int, ...]
    outputs: tuple[Array, ...]
    retransmissions: int


def measure(
    job: Job, board: Board, references: References, on_progress: Progress | None = None
) -> Outcome:
    """Builds the image, programs it, runs every vector and the references.

    Raises HilError when there is no result of the device; a reference that fails is noted in the
    outcome.
    """
    progress = on_progress or silent
    started, clock = datetime.now(UTC), monotonic()
    board.warm_up()
    pending = references.start(job.model, job.vectors.inputs)
    image = job.builder.build(job.model, lambda *step: progress(f"build {step[0]}", *step[1:]))
    device = _run_on_board(job, board, image, progress)
    results, errors = _collect(pending)
    agreement = Agreement.of(
        job.model, job.vectors, job.metric, job.data, device.outputs, results, errors
    )
    metrics, absent = _metrics(job, board, image, device, agreement)
    record = RunRecord(
        run_id=f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        started_utc=started.isoformat(timespec="seconds"),
        duration_s=round(monotonic() - clock, 3),
        suite=job.suite,
        model=job.model_label,
        scheme=job.model.scheme,
        target=job.builder.target.name,
        board=board.id,
        kind=board.kind,
        kernels=job.builder.kernels,
        vectors_source=job.vectors.source,
        accuracy_metric=job.metric.name if job.metric else None,
        accuracy_better=job.metric.better if job.metric else None,
        subject=_subject(job, image),
        condition=_condition(job, board),
        environment=_environment(results),
        metrics=metrics,
        absent=absent,
        samples=_samples(board.kind, device.cycles, agreement.scores),
        comparisons={name.value: each for name, each in agreement.comparisons.items()},
    )
    return Outcome(record, image, device.outputs, results, errors, agreement.score_errors)


def _collect(
    pending: Mapping[ReferenceName, Future[ReferenceResult]],
) -> tuple[dict[ReferenceName, ReferenceResult], dict[ReferenceName, HilError]]:
    """What the references gave, and what kept the others from it."""
    results: dict[ReferenceName, ReferenceResult] = {}
    errors: dict[ReferenceName, HilError] = {}
    for name, future in pending.items():
        try:
            results[name] = future.result()
        except HilError as error:
            errors[name] = error
    return results, errors


# ---- on the device


def _run_on_board(job: Job, board: Board, image: Image, progress: Progress) -> _OnDevice:
    frame_log = FrameLog(job.frame_log) if job.frame_log else None
    try:
        progress("program", 0, 0)
        device = start_device(board, image, job.builder.target, frame_log)
        try:
            cycles, outputs = _stream(job, board, device, progress)
            return _OnDevice(device.arena, cycles, outputs, device.client.retransmissions)
        finally:
            device.close()
    except HilError as error:
        error.board = error.board or board.id
        error.detail = "\n".join(part for part in (board.diagnosis(), error.detail) if part)
        raise


def infer_timeout_s(model: ModelInfo, core_clock_hz: int) -> float:
    """How long one inference may take before it is called a hang; emulated boards have this many
    cycles' worth of instructions instead.
    """
    return max(MIN_INFER_TIMEOUT_S, model.macs * CYCLES_PER_MAC / core_clock_hz)


def _stream(
    job: Job, board: Board, device: Device, progress: Progress
) -> tuple[tuple[int, ...], tuple[Array, ...]]:
    """Cycles of every vector, and the outputs as arrays."""
    clock_hz = job.builder.target.clock.core_clock_hz
    timeout_s = infer_timeout_s(job.model, clock_hz)
    _check_tensors(job.model, device)

    def infer(index: int) -> Inference:
        watchdog = Watchdog(board, int(timeout_s * clock_hz))
        return device.infer(job.vectors.input_bytes(index), timeout_s, watchdog.is_working)

    for _ in range(WARM_UP_INFERENCES):
        infer(0)
    cycles: list[int] = []
    rows: list[tuple[bytes, ...]] = []
    for index in range(job.vectors.count):
        progress("measure", index, job.vectors.count)
        inference = infer(index)
        cycles.append(inference.cycles)
        rows.append(inference.outputs)
    progress("measure", job.vectors.count, job.vectors.count)
    outputs = []
    for index, tensor in enumerate(job.model.output_tensors):
        joined = b"".join(row[index] for row in rows)
        array = np.frombuffer(joined, np.dtype(tensor.numpy_dtype or "uint8"))
        outputs.append(array.reshape(job.vectors.count, *tensor.shape))
    return tuple(cycles), tuple(outputs)


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


# ---- figures


def _metrics(
    job: Job, board: Board, image: Image, device: _OnDevice, agreement: Agreement
) -> tuple[Metrics, dict[str, str]]:
    """All figures, and for each that is missing the reason."""
    figures: dict[str, float | int | None] = {
        "vectors": job.vectors.count,
        "macs": job.model.macs,
        "arena_used_bytes": device.arena.arena_used_bytes,
        "arena_head_bytes": device.arena.arena_head_bytes,
        "arena_tail_bytes": device.arena.arena_tail_bytes,
        "arena_capacity_bytes": device.arena.arena_bytes,
        "flash_bytes": image.sizes.flash_bytes,
        "flash_model_bytes": image.sizes.model_bytes,
        "flash_code_bytes": image.sizes.code_bytes,
        "ram_static_bytes": image.sizes.ram_static_bytes,
        "stack_bytes": image.sizes.stack_bytes,
        "link_retransmissions": device.retransmissions,
        **agreement.figures,
        **_latency(board.kind, device.cycles, job.builder.target.clock.core_clock_hz),
    }
    return Metrics.model_validate(figures), _absent_by_kind(board.kind) | agreement.absent


def _latency(kind: Kind, cycles: tuple[int, ...], core_clock_hz: int) -> dict[str, float | int]:
    middle = float(median(cycles))
    if kind is Kind.EMULATED:
        return {"latency_median_instructions": middle, "latency_min_instructions": min(cycles)}
    return {
        "latency_median_cycles": middle,
        "latency_min_cycles": min(cycles),
        "latency_median_ms": middle / core_clock_hz * 1e3,
    }


def _absent_by_kind(kind: Kind) -> dict[str, str]:
    if kind is Kind.EMULATED:
        reason = "an emulated board counts instructions, not time"
        return dict.fromkeys(
            ("latency_median_cycles", "latency_min_cycles", "latency_median_ms"), reason
        )
    reason = "a real board counts cycles"
    return dict.fromkeys(("latency_median_instructions", "latency_min_instructions"), reason)


def _samples(kind: Kind, cycles: tuple[int, ...], scores: Mapping[str, Score]) -> Samples:
    is_emulated = kind is Kind.EMULATED
    parts = {name: score.parts for name, score in scores.items() if score.parts is not None}
    return Samples(
        latency_instructions=cycles if is_emulated else None,
        latency_cycles=None if is_emulated else cycles,
        accuracy_parts=parts or None,
        accuracy_labels=next((score.labels for score in scores.values()), None),
    )


# ---- identity


def _subject(job: Job, image: Image) -> Subject:
    manifest = image.manifest
    return Subject(
        model_sha256=job.model.sha256,
        build_id=image.build_id_hex,
        tflm_origin=manifest["tflm"]["origin"],
        tflm_digest=manifest["tflm"]["digest"],
        harness_digest=manifest["harness_digest"],
        toolchain=manifest["toolchain"],
        flags=tuple(manifest["flags"]),
    )


def _condition(job: Job, board: Board) -> Condition:
    target = job.builder.target
    unit = CounterUnit.INSTRUCTIONS if board.kind is Kind.EMULATED else CounterUnit.CYCLES
    return Condition(
        core_clock_hz=target.clock.core_clock_hz,
        arena_placement=target.placement.arena,
        code_placement=target.placement.code,
        protocol_major=PROTOCOL_MAJOR,
        counter_unit=unit,
        data_sha256=job.vectors.sha256,
        source_sha256=job.vectors.source_sha256,
    )


def _environment(results: dict[ReferenceName, ReferenceResult]) -> Environment:
    return Environment(
        hil_version=__version__,
        python=platform.python_version(),
        host=f"{platform.system()} {platform.machine()}",
        pyocd=version("pyocd"),
        references={name.value: result.label for name, result in results.items()},
    )
