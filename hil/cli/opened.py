"""A model on a board, ready to be asked: what the commands that look at one inference share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hil.bench.board import Board, blamed_on
from hil.bench.watchdog import Watchdog
from hil.cli.prepared import Choice, Prepared, prepare, watched
from hil.data import Vectors, load_npz, random_vectors
from hil.device import Device, start_device
from hil.errors import ConfigError
from hil.firmware.build import Builder
from hil.firmware.image import Image
from hil.model.info import ModelInfo
from hil.state import STEADY_STEP, restore, typical_vector
from hil.stream import infer_timeout_s


@dataclass(frozen=True)
class Request:
    """What the user asked for, on the command line. `vector` None is the typical one."""

    choice: Choice
    vectors: Path | None
    vector: int | None
    seed: int


@dataclass(frozen=True)
class Opened:
    """The model, one vector for it (`index` of `vectors`), and the device that runs it.

    One inference may take `timeout_s`; then `is_working` says whether to wait on for this one.
    """

    model: ModelInfo
    vectors: Vectors
    index: int
    inputs: list[bytes]
    builder: Builder
    image: Image
    board: Board
    device: Device
    timeout_s: float
    is_working: Callable[[], bool]

    def restore(self) -> None:
        """Brings a model with state to where it is before the vector. Raises HilError."""
        restore(self.device, self.model, self.vectors, self.index, self.timeout_s, self.is_working)


@contextlib.contextmanager
def open_model(request: Request) -> Iterator[Opened]:
    """Checks, builds, programs and greets. Raises HilError."""
    with prepare(request.choice) as prepared:
        prepared.require_runnable()
        vectors, index = _vectors(prepared.model, request)
        board = prepared.board
        image, device = _start(prepared, board)
        try:
            with blamed_on(board):
                yield _opened(prepared, board, image, device, vectors, index)
        finally:
            device.close()


def _start(prepared: Prepared, board: Board) -> tuple[Image, Device]:
    with watched(prepared.model.name) as show:
        image = prepared.builder.build(
            prepared.model, lambda *step: show(f"build {step[0]}", *step[1:])
        )
        show("program", 0, 0)
        return image, start_device(board, image, prepared.builder.target)


def _opened(
    prepared: Prepared, board: Board, image: Image, device: Device, vectors: Vectors, vector: int
) -> Opened:
    clock_hz = prepared.builder.target.clock.core_clock_hz
    timeout_s = infer_timeout_s(prepared.model, clock_hz)
    watchdog = Watchdog(board, int(timeout_s * clock_hz))
    device.before_each_inference(watchdog.arm)
    return Opened(
        model=prepared.model,
        vectors=vectors,
        index=vector,
        inputs=vectors.input_bytes(vector),
        builder=prepared.builder,
        image=image,
        board=board,
        device=device,
        timeout_s=timeout_s,
        is_working=watchdog.is_working,
    )


def _vectors(model: ModelInfo, request: Request) -> tuple[Vectors, int]:
    """The vectors, and which of them to look at."""
    if request.vectors is None:
        typical = STEADY_STEP if model.has_state else 0
        index = typical if request.vector is None else request.vector
        return random_vectors(model, index + 1, request.seed), index
    vectors = load_npz(model, request.vectors)
    index = typical_vector(model, vectors) if request.vector is None else request.vector
    if index >= vectors.count:
        raise ConfigError(
            f"there is no vector {index}: {request.vectors} has {vectors.count}",
            hint=f"give --vector 0 to {vectors.count - 1}",
        )
    return vectors, index
