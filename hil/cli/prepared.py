"""A model with what builds it and the board it is to run on: what commands with a board share."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hil.bench.bench import Bench
from hil.bench.board import Board
from hil.cli.options import bench_choice, builder_of
from hil.firmware.build import Builder
from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo
from hil.model.preflight import require_runnable
from hil.progress import Progress, live_progress, silent
from hil.target import load_target


@dataclass(frozen=True)
class Choice:
    """What to run where, as the user said it on the command line."""

    model_file: Path
    target: str
    kernels: str | None
    tflm: str | None
    probe: str | None
    port: str | None


@dataclass(frozen=True)
class Prepared:
    """What was chosen, found; nothing is checked, built or started yet."""

    model: ModelInfo
    builder: Builder
    bench: Bench

    @property
    def board(self) -> Board:
        """The board, warming up from the first use on. Raises BenchError."""
        board = self.bench.board(self.builder.target)
        board.warm_up()
        return board

    def require_runnable(self) -> None:
        """Raises UnsupportedModel, with all reasons, when the model cannot run on the target."""
        builder = self.builder
        limits = builder.limits()
        title = f"{self.model.name} cannot run on {builder.target.name}"
        require_runnable(self.model, limits, title)


@contextlib.contextmanager
def prepare(choice: Choice) -> Iterator[Prepared]:
    """Finds target, model and TFLM tree; the board is let go of at the end. Raises HilError."""
    load_target(choice.target)  # a wrong name is an error before anything is fetched
    bench = Bench(bench_choice(choice.probe, choice.port))
    try:
        model = read_model(choice.model_file)
        yield Prepared(model, builder_of(choice.target, choice.tflm, choice.kernels), bench)
    finally:
        bench.close()


def watched(label: str) -> contextlib.AbstractContextManager[Progress]:
    """A live line of progress when somebody watches."""
    if sys.stderr.isatty():
        return live_progress(label, sys.stderr)
    return contextlib.nullcontext(silent)
