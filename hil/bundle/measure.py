"""Measures like hil.measure, and keeps the evidence where somebody wants it."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hil.bench.board import Board
from hil.bundle.contents import FRAMES
from hil.bundle.writer import BundleWriter
from hil.errors import BuildError, DataError, HilError
from hil.firmware.image import Image
from hil.measure import Job, measure
from hil.outcome import Outcome
from hil.progress import Progress
from hil.reference.references import References
from hil.suite import Checks


def measure_with_evidence(
    job: Job,
    board: Board,
    references: References,
    limits: Checks,
    home: Path | None,
    on_progress: Progress | None = None,
) -> Outcome:
    """What `measure` gives or raises; with `home` a bundle of it too, also of a run that failed on
    the board. Raises BundleError when that cannot be written.
    """
    if home is None:
        return measure(job, board, references, on_progress)
    writer = BundleWriter(home)
    with tempfile.TemporaryDirectory(prefix="hil-bundle-") as folder:
        frames = Path(folder) / FRAMES
        logged = replace(job, frame_log=frames)
        try:
            outcome = measure(logged, board, references, on_progress)
        except (BuildError, DataError):
            raise  # nothing was said to a board
        except HilError as error:
            writer.write_failure(job.task, board, error, limits, frames, _image(job))
            raise
        finally:
            if job.frame_log is not None and frames.exists():
                job.frame_log.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(frames, job.frame_log)
        writer.write(job.task, outcome, limits, frames)
        return outcome


def _image(job: Job) -> Image | None:
    """The image of a run that failed: from the cache, where it was before it was programmed."""
    try:
        return job.builder.build(job.model)
    except BuildError:
        return None
