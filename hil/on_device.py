"""One run on a board: program, handshake, sanity, every vector, memory, one watched inference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import monotonic

from hil.bench.board import Board, blamed_on
from hil.bench.noting import NotingBoard, noting_clock
from hil.bench.watchdog import Watchdog
from hil.device import Device, start_device
from hil.errors import HilError
from hil.firmware.image import Image
from hil.link.host import HOST, Clock, Host
from hil.link.log import FrameLog
from hil.link.messages import AllocateReply, MemoryReply
from hil.profile import measure_profile, operator_figures
from hil.progress import Progress
from hil.record import OperatorFigures
from hil.sanity import Sanity, check_sanity
from hil.state import restore, typical_vector
from hil.stream import Streamed, infer_timeout_s, stream
from hil.task import Task
from hil.unwritten import check_outputs_written


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


def run_on_board(
    task: Task,
    board: Board,
    image: Image,
    on_progress: Progress,
    frame_log: FrameLog | None = None,
    host: Host = HOST,
    clock: Clock = monotonic,
) -> OnDevice:
    """Programs the image, checks the board and runs every vector. Raises HilError.

    `host` is the link's end here, `clock` what latencies and the counter's rate are held against.
    """
    target, now = task.target, clock
    if frame_log is not None:
        board, now = NotingBoard(board, frame_log), noting_clock(now, frame_log)
    with blamed_on(board):
        on_progress("program", 0, 0)
        device = start_device(board, image, target, frame_log, host)
        try:
            sanity = check_sanity(device, board, target, now)
            clock_hz = target.clock.core_clock_hz
            streamed = stream(
                device, board, task.model, task.vectors, clock_hz, task.rounds, on_progress, now
            )
            # Before the inferences that are watched, whose wrappers use stack of their own.
            memory = device.memory()
            _check_written(task, board, device)
            retransmissions, arena = device.client.retransmissions, device.arena
            operators, unprofiled = _profile(task, board, device, sanity)
        finally:
            device.close()
    return OnDevice(arena, sanity, streamed, memory, retransmissions, operators, unprofiled)


def _check_written(task: Task, board: Board, device: Device) -> None:
    """What an operator leaves unwritten must not be taken for a result. Raises DeviceFault."""
    clock_hz = task.target.clock.core_clock_hz
    timeout_s = infer_timeout_s(task.model, clock_hz)
    watchdog = Watchdog(board, int(timeout_s * clock_hz))
    device.before_each_inference(watchdog.arm)
    inputs = task.vectors.input_bytes(0)
    check_outputs_written(device, task.model, inputs, timeout_s, watchdog.is_working)


def _profile(
    task: Task, board: Board, device: Device, sanity: Sanity
) -> tuple[tuple[OperatorFigures, ...] | None, str]:
    """The operators of one inference, or why they are not known: no reason to lose the run. Of a
    model with state it is one that has a step before it.
    """
    clock_hz = task.target.clock.core_clock_hz
    timeout_s = infer_timeout_s(task.model, clock_hz)
    watchdog = Watchdog(board, int(timeout_s * clock_hz))
    device.before_each_inference(watchdog.arm)
    model, vectors = task.model, task.vectors
    index = typical_vector(model, vectors)
    try:
        profile = measure_profile(
            device,
            model,
            vectors.input_bytes(index),
            sanity.empty_window_cycles,
            timeout_s,
            watchdog.is_working,
            partial(restore, device, model, vectors, index, timeout_s, watchdog.is_working),
        )
    except HilError as error:
        return None, error.message
    return operator_figures(profile, model), ""
