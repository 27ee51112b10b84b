"""Measures one model on one board: program, handshake, every vector, references beside it."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic

import numpy as np

from hil import __version__
from hil.bench.board import Board, blamed_on
from hil.bench.watchdog import Watchdog
from hil.checks.agreement import NO_METRIC, Agreement
from hil.checks.metrics import Score, confusion_matrix
from hil.data import Array, Vectors
from hil.device import Device, start_device
from hil.errors import DataError, HilError
from hil.firmware.build import Builder
from hil.firmware.footprint import Footprint, Owner, read_footprint
from hil.firmware.image import Image
from hil.link.log import FrameLog
from hil.link.messages import AllocateReply, MemoryReply
from hil.link.wire import PROTOCOL_MAJOR
from hil.model.info import ModelInfo
from hil.outcome import Outcome
from hil.profile import Profile, measure_profile, operator_figures
from hil.progress import Progress, silent
from hil.record import (
    Condition,
    Environment,
    Metrics,
    OperatorFigures,
    RunRecord,
    Samples,
    Subject,
)
from hil.reference.reference import ReferenceName, ReferenceResult
from hil.reference.references import References, cancel, collect
from hil.rounds import DEFAULT_ROUNDS, P99_MIN_SAMPLES, RoundPolicy, summarize
from hil.sanity import Sanity, check_sanity
from hil.stream import Streamed, infer_timeout_s, stream
from hil.suite import Metric
from hil.suite_data import SuiteData
from hil.vocab import SHARES, CounterUnit, Kind, RunOrigin

# Metrics that have a name for each unit.
TIMED = ("latency_", "empty_window_", "fixed_kernel_")
# The model's has a metric of its own, from the ELF.
OWNER_FIELDS = {o: f"flash_{o.value}_bytes" for o in Owner if o is not Owner.MODEL}


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
    rounds: RoundPolicy = DEFAULT_ROUNDS
    frame_log: Path | None = None
    source_commit: str | None = None
    origin: RunOrigin = RunOrigin.SUITE


@dataclass(frozen=True)
class OnDevice:
    """What the board gave. `operators` are None where `unprofiled` says why."""

    arena: AllocateReply
    sanity: Sanity
    streamed: Streamed
    memory: MemoryReply
    retransmissions: int
    operators: tuple[OperatorFigures, ...] | None
    unprofiled: str


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
    pending = references.start(job.model, job.vectors.inputs, job.builder)
    try:
        image = job.builder.build(job.model, lambda *step: progress(f"build {step[0]}", *step[1:]))
        device = _run_on_board(job, board, image, progress)
    except BaseException:
        cancel(pending)
        raise
    results, errors = collect(pending)
    record, agreement = _record(job, board, image, device, results, errors, started, clock)
    return Outcome(record, image, device.streamed.outputs, results, errors, agreement.score_errors)


def record_of_profile(
    job: Job, board: Board, image: Image, device: Device, sanity: Sanity, profile: Profile
) -> RunRecord:
    """A run of the one vector that was profiled; nothing is compared with it.

    Raises what Device.memory raises.
    """
    started, clock = datetime.now(UTC), monotonic()
    outputs = tuple(
        np.zeros((0, *tensor.shape), np.dtype(tensor.numpy_dtype or "uint8"))
        for tensor in job.model.output_tensors
    )
    counted = profile.clean_cycles + profile.empty_window_cycles
    on_device = OnDevice(
        device.arena,
        sanity,
        Streamed((counted,), (), outputs),
        device.memory(),
        device.client.retransmissions,
        operator_figures(profile, job.model),
        "",
    )
    return _record(job, board, image, on_device, {}, {}, started, clock)[0]


def _record(
    job: Job,
    board: Board,
    image: Image,
    device: OnDevice,
    results: dict[ReferenceName, ReferenceResult],
    errors: dict[ReferenceName, HilError],
    started: datetime,
    clock: float,
) -> tuple[RunRecord, Agreement]:
    """All that follows from what the board and the references gave."""
    agreement = Agreement.of(
        job.model, job.vectors, job.metric, job.data, device.streamed.outputs, results, errors
    )
    footprint = read_footprint(image.path, job.builder.tflm.kernel_files)
    metrics, absent = _metrics(job, board, image, device, agreement, footprint)
    confusion, unconfused = _confusion(job, device.streamed.outputs)
    if device.operators is None:
        absent["operators"] = device.unprofiled
    if confusion is None:
        absent["confusion"] = unconfused
    record = RunRecord(
        run_id=f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        started_utc=started.isoformat(timespec="seconds"),
        duration_s=round(monotonic() - clock, 3),
        origin=job.origin,
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
        samples=_samples(board.kind, device.streamed, agreement.scores),
        oracle=agreement.oracle.value if agreement.oracle is not None else None,
        comparisons={name.value: each for name, each in agreement.comparisons.items()},
        operators=device.operators,
        kernel_flash_bytes={} if footprint.doubt(image.sizes) else footprint.kernel_flash_bytes,
        confusion=confusion,
    )
    return record, agreement


# ---- on the device


def _run_on_board(job: Job, board: Board, image: Image, progress: Progress) -> OnDevice:
    frame_log = FrameLog(job.frame_log) if job.frame_log else None
    target = job.builder.target
    with blamed_on(board):
        progress("program", 0, 0)
        device = start_device(board, image, target, frame_log)
        try:
            sanity = check_sanity(device, board, target)
            clock_hz = target.clock.core_clock_hz
            streamed = stream(device, board, job.model, job.vectors, clock_hz, job.rounds, progress)
            # Before the inference that is watched, whose wrappers use stack of their own.
            memory = device.memory()
            retransmissions, arena = device.client.retransmissions, device.arena
            operators, unprofiled = _profile(job, board, device, sanity)
        finally:
            device.close()
    return OnDevice(arena, sanity, streamed, memory, retransmissions, operators, unprofiled)


def _profile(
    job: Job, board: Board, device: Device, sanity: Sanity
) -> tuple[tuple[OperatorFigures, ...] | None, str]:
    """The operators of one inference, or why they are not known: no reason to lose the run."""
    clock_hz = job.builder.target.clock.core_clock_hz
    timeout_s = infer_timeout_s(job.model, clock_hz)
    watchdog = Watchdog(board, int(timeout_s * clock_hz))
    device.before_each_inference(watchdog.arm)
    inputs = job.vectors.input_bytes(0)
    try:
        profile = measure_profile(
            device,
            job.model,
            inputs,
            sanity.empty_window_cycles,
            timeout_s,
            watchdog.is_working,
        )
    except HilError as error:
        return None, error.message
    return operator_figures(profile, job.model), ""


def _confusion(
    job: Job, outputs: Sequence[Array]
) -> tuple[tuple[tuple[int, ...], ...] | None, str]:
    """Vectors by label and the device's answer, or why there is no such table."""
    if job.metric is None:
        return None, NO_METRIC
    if job.metric.name not in SHARES:
        return None, f"{job.metric.name} compares no classes"
    try:
        return confusion_matrix(job.model, outputs, job.vectors), ""
    except DataError as error:
        return None, error.message


# ---- figures


def _metrics(
    job: Job,
    board: Board,
    image: Image,
    device: OnDevice,
    agreement: Agreement,
    footprint: Footprint,
) -> tuple[Metrics, dict[str, str]]:
    """All figures, and for each that is missing the reason."""
    owners, unowned = _owners(image, footprint)
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
        "flash_text_bytes": image.sizes.text_bytes,
        "ram_static_bytes": image.sizes.ram_static_bytes,
        "ram_data_bytes": image.sizes.data_bytes,
        "ram_bss_bytes": image.sizes.bss_bytes,
        "stack_bytes": image.sizes.stack_bytes,
        "link_retransmissions": device.retransmissions,
        **agreement.figures,
        **_timing(board.kind, device, job.builder.target.clock.core_clock_hz),
        **_stack(device),
        **owners,
    }
    absent = _absent_timing(board.kind, figures) | agreement.absent | unowned
    return Metrics.model_validate(figures), absent


def _timing(kind: Kind, device: OnDevice, core_clock_hz: int) -> dict[str, float | int | None]:
    """Latency, and what the board's check counted: in instructions or in cycles."""
    streamed, sanity, unit = device.streamed, device.sanity, _unit(kind).value
    left_out = set(streamed.impossible)
    summary = summarize([c for i, c in enumerate(streamed.cycles) if i not in left_out])
    figures: dict[str, float | int | None] = {
        "latency_samples": len(streamed.cycles),
        "latency_impossible_samples": None,
        f"latency_median_{unit}": summary.median,
        f"latency_min_{unit}": summary.minimum,
        f"latency_p90_{unit}": summary.p90,
        f"latency_p99_{unit}": summary.p99,
        f"latency_iqr_{unit}": summary.iqr,
        f"empty_window_{unit}": sanity.empty_window_cycles,
        f"fixed_kernel_{unit}": sanity.fixed_kernel_cycles,
        "counter_rate_hz": sanity.counter_rate_hz,
    }
    if kind is Kind.HARDWARE:
        figures["latency_impossible_samples"] = len(streamed.impossible)
        figures["latency_median_ms"] = summary.median / core_clock_hz * 1e3
    return figures


def _unit(kind: Kind) -> CounterUnit:
    return CounterUnit.INSTRUCTIONS if kind is Kind.EMULATED else CounterUnit.CYCLES


def _stack(device: OnDevice) -> dict[str, float | int | None]:
    is_known = device.memory.stack_bytes > 0
    return {"stack_used_bytes": device.memory.stack_used_bytes if is_known else None}


def _owners(image: Image, footprint: Footprint) -> tuple[dict[str, int], dict[str, str]]:
    """Bytes of flash by owner, or for each the reason why nobody knows."""
    reason = footprint.doubt(image.sizes)
    if reason:
        return {}, dict.fromkeys(OWNER_FIELDS.values(), reason)
    return {name: footprint.flash_bytes.get(o, 0) for o, name in OWNER_FIELDS.items()}, {}


def _absent_timing(kind: Kind, figures: Mapping[str, float | int | None]) -> dict[str, str]:
    """Why timings are missing: the other kind's unit, or too few samples."""
    if kind is Kind.EMULATED:
        other, reason = "cycles", "an emulated board counts instructions, not time"
        names = ("latency_median_ms", "latency_impossible_samples", "counter_rate_hz")
        absent = dict.fromkeys(names, reason)
    else:
        other, reason, absent = "instructions", "a real board counts cycles", {}
    for name in Metrics.model_fields:
        if name.startswith(TIMED) and name.endswith(f"_{other}"):
            absent[name] = reason
    if figures[f"latency_p99_{_unit(kind).value}"] is None:
        absent[f"latency_p99_{_unit(kind).value}"] = (
            f"fewer than {P99_MIN_SAMPLES} samples say nothing of it"
        )
    if figures["stack_used_bytes"] is None:
        absent["stack_used_bytes"] = "the firmware cannot tell where its stack is"
    return absent


def _samples(kind: Kind, streamed: Streamed, scores: Mapping[str, Score]) -> Samples:
    is_emulated = kind is Kind.EMULATED
    parts = {name: score.parts for name, score in scores.items() if score.parts is not None}
    return Samples(
        latency_instructions=streamed.cycles if is_emulated else None,
        latency_cycles=None if is_emulated else streamed.cycles,
        latency_impossible=None if is_emulated else streamed.impossible,
        accuracy_parts=parts or None,
        accuracy_labels=next((score.labels for score in scores.values()), None),
    )


# ---- identity


def _subject(job: Job, image: Image) -> Subject:
    manifest = image.manifest
    return Subject(
        model_sha256=job.model.sha256,
        source_commit=job.source_commit,
        build_id=image.build_id_hex,
        tflm_origin=manifest["tflm"]["origin"],
        tflm_digest=manifest["tflm"]["digest"],
        harness_digest=manifest["harness_digest"],
        toolchain=manifest["toolchain"],
        flags=tuple(manifest["flags"]),
    )


def _condition(job: Job, board: Board) -> Condition:
    target = job.builder.target
    return Condition(
        core_clock_hz=target.clock.core_clock_hz,
        arena_placement=target.placement.arena,
        code_placement=target.placement.code,
        protocol_major=PROTOCOL_MAJOR,
        counter_unit=_unit(board.kind),
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
