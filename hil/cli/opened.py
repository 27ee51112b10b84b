"""A model on a board, ready to be asked: what the commands that look at one inference share."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hil.bench.bench import Bench
from hil.bench.board import Board
from hil.bench.watchdog import Watchdog
from hil.cli.options import bench_choice, kernel_library
from hil.data import Vectors, load_npz, random_vectors
from hil.device import Device, start_device
from hil.errors import ConfigError, HilError, UnsupportedModel
from hil.firmware.build import Builder
from hil.firmware.image import Image
from hil.firmware.tflm import locate_tflm
from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo
from hil.model.preflight import find_problems, limits_of
from hil.progress import Progress, live_progress, silent
from hil.stream import infer_timeout_s
from hil.target import load_target


@dataclass(frozen=True)
class Request:
    """What the user asked for, on the command line."""

    model_file: Path
    target: str
    kernels: str
    tflm: Path | None
    probe: str | None
    port: str | None
    vectors: Path | None
    vector: int
    seed: int


@dataclass(frozen=True)
class Opened:
    """The model, one vector for it, and the device that runs it."""

    model: ModelInfo
    vectors: Vectors
    inputs: list[bytes]
    builder: Builder
    image: Image
    board: Board
    device: Device

    @property
    def timeout_s(self) -> float:
        """How long one inference may take."""
        return infer_timeout_s(self.model, self.builder.target.clock.core_clock_hz)

    @property
    def watchdog(self) -> Watchdog:
        """A fresh watchdog for one inference."""
        clock_hz = self.builder.target.clock.core_clock_hz
        return Watchdog(self.board, int(self.timeout_s * clock_hz))


@contextlib.contextmanager
def open_model(request: Request) -> Iterator[Opened]:
    """Checks, builds, programs and greets. Raises HilError."""
    target, library = load_target(request.target), kernel_library(request.kernels)
    bench = Bench(bench_choice(request.probe, request.port))
    try:
        model = read_model(request.model_file)
        source = locate_tflm(request.tflm)
        problems = find_problems(model, limits_of(target, source.operators, library))
        if problems:
            reasons = "\n".join(f"- {problem}" for problem in problems)
            raise UnsupportedModel(
                f"{request.model_file.name} cannot run on {request.target}", detail=reasons
            )
        vectors = _vectors(model, request)
        board = bench.board(target)
        board.warm_up()
        builder = Builder(target, source, library)
        with watched(request.model_file.stem) as show:
            image = builder.build(model, lambda *step: show(f"build {step[0]}", *step[1:]))
            show("program", 0, 0)
            device = start_device(board, image, target)
        try:
            inputs = vectors.input_bytes(request.vector)
            yield Opened(model, vectors, inputs, builder, image, board, device)
        except HilError as error:
            error.board = error.board or board.id
            error.detail = "\n".join(p for p in (board.diagnosis(), error.detail) if p)
            raise
        finally:
            device.close()
    finally:
        bench.close()


def _vectors(model: ModelInfo, request: Request) -> Vectors:
    if request.vectors is None:
        return random_vectors(model, request.vector + 1, request.seed)
    vectors = load_npz(model, request.vectors)
    if request.vector >= vectors.count:
        raise ConfigError(
            f"there is no vector {request.vector}: {request.vectors} has {vectors.count}",
            hint=f"give --vector 0 to {vectors.count - 1}",
        )
    return vectors


def watched(label: str) -> contextlib.AbstractContextManager[Progress]:
    """A live line of progress when somebody watches."""
    if sys.stderr.isatty():
        return live_progress(label, sys.stderr)
    return contextlib.nullcontext(silent)
