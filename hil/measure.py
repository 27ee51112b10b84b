"""Measures one model on one board: program, handshake, every vector, references beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from hil.bench.board import Board
from hil.data import Vectors
from hil.figures import make_record
from hil.firmware.build import Builder
from hil.link.log import FrameLog
from hil.model.info import ModelInfo
from hil.on_device import run_on_board
from hil.outcome import Outcome
from hil.progress import Progress, silent
from hil.reference.references import References, cancel
from hil.rounds import DEFAULT_ROUNDS, RoundPolicy
from hil.state import starts_of
from hil.suite import Metric
from hil.suite_data import SuiteData
from hil.task import Task
from hil.vocab import RunOrigin


@dataclass(frozen=True)
class Job:
    """What to measure, and what builds it."""

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

    @property
    def task(self) -> Task:
        """What to measure alone."""
        return Task(
            suite=self.suite,
            model=self.model,
            model_label=self.model_label,
            vectors=self.vectors,
            metric=self.metric,
            data=self.data,
            target=self.builder.target,
            kernels=self.builder.library.name,
            kernel_files=self.builder.tflm.kernel_files,
            rounds=self.rounds,
            source_commit=self.source_commit,
            origin=self.origin,
        )


def measure(
    job: Job, board: Board, references: References, on_progress: Progress | None = None
) -> Outcome:
    """Builds the image, programs it, runs every vector and the references.

    Raises HilError when there is no result of the device; a reference that fails is noted in the
    outcome.
    """
    progress, task = on_progress or silent, job.task
    started, clock = datetime.now(UTC), monotonic()
    board.warm_up()
    starts = starts_of(job.model, job.vectors)
    pending = references.start(job.model, job.vectors.inputs, job.builder, starts)
    frame_log = FrameLog(job.frame_log) if job.frame_log else None
    try:
        image = job.builder.build(job.model, lambda *step: progress(f"build {step[0]}", *step[1:]))
        device = run_on_board(task, board, image, progress, frame_log)
    except BaseException:
        cancel(pending)
        raise
    finally:
        if frame_log is not None:
            frame_log.close()
    results, errors = references.collect(pending, progress)
    record, agreement = make_record(
        task, board, image, device, results, errors, started, monotonic() - clock
    )
    return Outcome(record, image, device.streamed.outputs, results, errors, agreement.score_errors)
