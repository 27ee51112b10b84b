"""The record of a run: all figures that follow from what the board and the references gave."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from hil import __version__
from hil.bench.board import Board
from hil.checks.agreement import NO_METRIC, Agreement
from hil.checks.metrics import Score, confusion_matrix
from hil.data import Array
from hil.device import Device
from hil.errors import DataError, HilError
from hil.firmware.footprint import Footprint, Owner, read_footprint
from hil.firmware.image import Image
from hil.link.wire import PROTOCOL_MAJOR
from hil.on_device import OnDevice
from hil.profile import Profile, operator_figures
from hil.record import Condition, Environment, Metrics, RunRecord, Samples, Subject
from hil.reference.reference import ReferenceName, ReferenceResult
from hil.rounds import P99_MIN_SAMPLES, summarize
from hil.sanity import Sanity
from hil.stream import Streamed
from hil.task import Task
from hil.vocab import SHARES, CounterUnit, Kind

# Metrics that have a name for each unit.
TIMED = ("latency_", "empty_window_", "fixed_kernel_")
# The model's has a metric of its own, from the ELF.
OWNER_FIELDS = {o: f"flash_{o.value}_bytes" for o in Owner if o is not Owner.MODEL}


def make_record(
    task: Task,
    board: Board,
    image: Image,
    device: OnDevice,
    results: dict[ReferenceName, ReferenceResult],
    errors: dict[ReferenceName, HilError],
    started: datetime,
    duration_s: float,
) -> tuple[RunRecord, Agreement]:
    """All that follows from what the board and the references gave."""
    agreement = Agreement.of(
        task.model, task.vectors, task.metric, task.data, device.streamed.outputs, results, errors
    )
    footprint = read_footprint(image.path, task.kernel_files)
    metrics, absent = _metrics(task, board, image, device, agreement, footprint)
    confusion, unconfused = _confusion(task, device.streamed.outputs)
    if device.operators is None:
        absent["operators"] = device.unprofiled
    if confusion is None:
        absent["confusion"] = unconfused
    record = RunRecord(
        run_id=f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        started_utc=started.isoformat(timespec="seconds"),
        duration_s=round(duration_s, 3),
        origin=task.origin,
        suite=task.suite,
        model=task.model_label,
        scheme=task.model.scheme,
        target=task.target.name,
        board=board.id,
        kind=board.kind,
        kernels=task.kernels,
        vectors_source=task.vectors.source,
        accuracy_metric=task.metric.name if task.metric else None,
        accuracy_better=task.metric.better if task.metric else None,
        subject=_subject(task, image),
        condition=_condition(task, board),
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


def record_of_profile(
    task: Task, board: Board, image: Image, device: Device, sanity: Sanity, profile: Profile
) -> RunRecord:
    """A run of the one vector that was profiled; nothing is compared with it.

    Raises what Device.memory raises.
    """
    outputs = tuple(
        np.zeros((0, *tensor.shape), np.dtype(tensor.numpy_dtype or "uint8"))
        for tensor in task.model.output_tensors
    )
    counted = profile.clean_cycles + profile.empty_window_cycles
    on_device = OnDevice(
        device.arena,
        sanity,
        Streamed((counted,), (), outputs),
        device.memory(),
        device.client.retransmissions,
        operator_figures(profile, task.model),
        "",
    )
    return make_record(task, board, image, on_device, {}, {}, datetime.now(UTC), 0.0)[0]


def _confusion(
    task: Task, outputs: Sequence[Array]
) -> tuple[tuple[tuple[int, ...], ...] | None, str]:
    """Vectors by label and the device's answer, or why there is no such table."""
    if task.metric is None:
        return None, NO_METRIC
    if task.metric.name not in SHARES:
        return None, f"{task.metric.name} compares no classes"
    try:
        return confusion_matrix(task.model, outputs, task.vectors, task.metric.over), ""
    except DataError as error:
        return None, error.message


def _metrics(
    task: Task,
    board: Board,
    image: Image,
    device: OnDevice,
    agreement: Agreement,
    footprint: Footprint,
) -> tuple[Metrics, dict[str, str]]:
    """All figures, and for each that is missing the reason."""
    owners, unowned = _owners(image, footprint)
    figures: dict[str, float | int | None] = {
        "vectors": task.vectors.count,
        "macs": task.model.macs,
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
        **_timing(board.kind, device, task.target.clock.core_clock_hz),
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


def _subject(task: Task, image: Image) -> Subject:
    manifest = image.manifest
    return Subject(
        model_sha256=task.model.sha256,
        source_commit=task.source_commit,
        build_id=image.build_id_hex,
        tflm_origin=manifest["tflm"]["origin"],
        tflm_digest=manifest["tflm"]["digest"],
        tflm_generation=manifest["tflm"]["generation"],
        harness_digest=manifest["harness_digest"],
        toolchain=manifest["toolchain"],
        flags=tuple(manifest["flags"]),
    )


def _condition(task: Task, board: Board) -> Condition:
    target = task.target
    return Condition(
        core_clock_hz=target.clock.core_clock_hz,
        arena_placement=target.placement.arena,
        code_placement=target.placement.code,
        protocol_major=PROTOCOL_MAJOR,
        counter_unit=_unit(board.kind),
        data_sha256=task.vectors.sha256,
        source_sha256=task.vectors.source_sha256,
    )


def _environment(results: dict[ReferenceName, ReferenceResult]) -> Environment:
    return Environment(
        hil_version=__version__,
        python=platform.python_version(),
        host=f"{platform.system()} {platform.machine()}",
        pyocd=version("pyocd"),
        references={name.value: result.label for name, result in results.items()},
    )
