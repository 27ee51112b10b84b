"""Why a device's outputs differ: which operator is first, and whether board or TFLM is to blame."""

from __future__ import annotations

from collections.abc import Sequence

from hil.bench.board import Board
from hil.bench.watchdog import Watchdog
from hil.bisect import describe, first_divergence
from hil.data import Vectors
from hil.device import start_device
from hil.errors import HilError
from hil.firmware.build import Builder
from hil.firmware.host_build import HostBuilder
from hil.firmware.image import Image
from hil.model.info import ModelInfo
from hil.reference.tree import start_tree, tree_label
from hil.stream import infer_timeout_s


def explain_difference(
    builder: Builder, image: Image, board: Board, model: ModelInfo, vectors: Vectors, index: int
) -> str:
    """What the operators say on vector `index`, in words.

    The device is held against the image's own TFLM tree on this host first: a difference there is
    the board's or the compiler's. Without one it is the reference that is of another generation.
    What goes wrong in finding out is told instead of raised: the verdict stands without it.
    """
    host_builder = HostBuilder(builder.tflm, builder.kernels, cache=builder.cache)
    where = f"vector {index} against the {tree_label(host_builder)}"
    try:
        return f"{where}: {_found(builder, host_builder, image, board, model, vectors, index)}"
    except HilError as error:
        return f"{where}: no operator could be named: {error.message}"


def _found(
    builder: Builder,
    host_builder: HostBuilder,
    image: Image,
    board: Board,
    model: ModelInfo,
    vectors: Vectors,
    index: int,
) -> str:
    target = builder.target
    timeout_s = infer_timeout_s(model, target.clock.core_clock_hz)
    watchdog = Watchdog(board, int(timeout_s * target.clock.core_clock_hz))
    host = start_tree(host_builder, model)
    try:
        device = start_device(board, image, target)
        try:
            inputs = vectors.input_bytes(index)
            divergence = first_divergence(
                device, host, model, inputs, timeout_s, watchdog.is_working
            )
            if divergence is not None:
                return describe(divergence, model)
            return _same_tree(
                device.infer(inputs, timeout_s).outputs, host.infer(inputs, timeout_s).outputs
            )
        finally:
            device.close()
    finally:
        host.close()


def _same_tree(ours: Sequence[bytes], theirs: Sequence[bytes]) -> str:
    if tuple(ours) == tuple(theirs):
        return (
            "all operators agree bit for bit: board and compiler are right, and the reference is "
            "TFLM of another generation, which rounds differently"
        )
    return "no operator alone differs by more than float32 rounding explains: it adds up on the way"
