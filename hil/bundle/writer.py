"""Puts a run into a bundle, with or without a result."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from hil import __version__
from hil.bench.board import Board
from hil.bundle.contents import (
    DATA,
    FRAMES,
    IMAGE,
    INPUT,
    LABELS,
    MAP,
    MODEL,
    REFERENCES,
    RUN,
    SEQUENCE_LENGTHS,
    SETUP,
    VECTORS,
    VERDICTS,
    Failure,
    Manifest,
    ReferenceFacts,
    Setup,
    Verdicts,
)
from hil.bundle.files import as_npz, write_folder
from hil.checks.judge import judge
from hil.data import Array, Vectors
from hil.errors import HilError
from hil.firmware.image import Image
from hil.outcome import Outcome
from hil.record import RunRecord
from hil.suite import Checks
from hil.task import Task
from hil.vocab import CheckName


@dataclass(frozen=True)
class BundleWriter:
    """Writes bundles into `home`, a folder for each run."""

    home: Path

    def write(self, task: Task, outcome: Outcome, limits: Checks, frames: Path) -> Path:
        """The bundle of a measured run. Raises BundleError."""
        record = outcome.record
        setup = _setup(
            task,
            limits,
            run_id=record.run_id,
            started_utc=record.started_utc,
            duration_s=record.duration_s,
            board=record.board,
            kind=record.kind.value,
            samples=record.metrics.latency_samples or 0,
            references=_reference_facts(outcome),
        )
        outputs = {
            f"{name.value}:{index}": array
            for name, result in outcome.references.items()
            for index, array in enumerate(result.outputs)
        }
        verdicts = tuple(judge(check, outcome, limits, task.metric) for check in CheckName)
        files = _common_files(task, setup, frames, outcome.image) | {
            REFERENCES: as_npz(outputs),
            RUN: _json(record),
            VERDICTS: Verdicts(verdicts=verdicts).model_dump_json(indent=1).encode(),
        }
        return write_folder(self.home, record.run_id, files, _manifest(setup))

    def write_failure(
        self,
        task: Task,
        board: Board,
        error: HilError,
        limits: Checks,
        frames: Path,
        image: Image | None,
    ) -> Path:
        """What there is of a run that failed on the board. Raises BundleError."""
        now = datetime.now(UTC)
        setup = _setup(
            task,
            limits,
            run_id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
            started_utc=now.isoformat(timespec="seconds"),
            duration_s=0.0,
            board=board.id,
            kind=board.kind.value,
            samples=0,
            references={},
            failure=Failure(kind=type(error).__name__, message=error.message, step=error.step),
        )
        files = _common_files(task, setup, frames, image)
        return write_folder(self.home, setup.run_id, files, _manifest(setup))


def _setup(task: Task, limits: Checks, **values: object) -> Setup:
    return Setup.model_validate(
        {
            "suite": task.suite,
            "model_label": task.model_label,
            "model_name": task.model.name,
            "target": task.target.model_dump(mode="json", by_alias=True),
            "kernels": task.kernels,
            "kernel_files": tuple(sorted(task.kernel_files)),
            "metric": task.metric.model_dump(mode="json") if task.metric else None,
            "limits": limits.model_dump(mode="json"),
            "source_commit": task.source_commit,
            "origin": task.origin,
            "vectors_source": task.vectors.source,
            "source_sha256": task.vectors.source_sha256,
            **values,
        }
    )


def _manifest(setup: Setup) -> Manifest:
    return Manifest(
        hil_version=__version__,
        run_id=setup.run_id,
        model=setup.model_label,
        target=setup.target["name"],
        kind=setup.kind,
        files={},
    )


def _reference_facts(outcome: Outcome) -> dict[str, ReferenceFacts]:
    facts = {
        name.value: ReferenceFacts(
            label=result.label,
            latency_us=result.latency_us,
            arena_bytes=result.arena_bytes,
            outputs=len(result.outputs),
        )
        for name, result in outcome.references.items()
    }
    return facts | {
        name.value: ReferenceFacts(error=error.message)
        for name, error in outcome.reference_errors.items()
    }


def _common_files(task: Task, setup: Setup, frames: Path, image: Image | None) -> dict[str, bytes]:
    """What a run has whatever came of it."""
    files = {
        MODEL: task.model.content,
        VECTORS: as_npz(_arrays(task.vectors)),
        SETUP: setup.model_dump_json(indent=1).encode(),
        FRAMES: frames.read_bytes() if frames.exists() else b"",
    }
    if image is not None:
        files[IMAGE] = image.path.read_bytes()
        files[MAP] = image.path.with_name(MAP).read_bytes()
    if task.data is not None and task.metric is not None and task.metric.function is not None:
        files[DATA] = task.data.path.read_bytes()
    return files


def _arrays(vectors: Vectors) -> Mapping[str, Array]:
    arrays = {f"{INPUT}{index}": array for index, array in enumerate(vectors.inputs)}
    if vectors.labels is not None:
        arrays |= {LABELS: vectors.labels}
    if vectors.sequence_lengths is not None:
        arrays |= {SEQUENCE_LENGTHS: np.array(vectors.sequence_lengths)}
    return arrays


def _json(record: RunRecord) -> bytes:
    return (json.dumps(record.model_dump(mode="json"), indent=1, allow_nan=False) + "\n").encode()
