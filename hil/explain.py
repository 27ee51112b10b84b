"""Why a device's outputs differ: which operator is first, and whether board or TFLM is to blame."""

from __future__ import annotations

from dataclasses import dataclass

from hil.bench.board import Board
from hil.bench.watchdog import Watchdog
from hil.bisect import describe, first_divergence, replay
from hil.data import Vectors
from hil.device import Device, start_device
from hil.errors import HilError
from hil.firmware.build import Builder
from hil.firmware.host_build import HostBuilder
from hil.firmware.image import Image
from hil.model.info import ModelInfo
from hil.outcome import Outcome
from hil.reference.reference import ReferenceName
from hil.reference.tree import start_tree, tree_label
from hil.stream import infer_timeout_s


@dataclass(frozen=True)
class Difference:
    """What to explain: vector `index`, on which the device gave `outputs` (the bytes of each output
    tensor), and what they differed from: `is_own_tree` if that was the image's own tree.
    """

    index: int
    outputs: tuple[bytes, ...]
    is_own_tree: bool


def difference_of(outcome: Outcome, oracle: ReferenceName) -> Difference:
    """The worst vector of a run against the reference it was judged by."""
    index = outcome.record.comparisons[oracle.value].worst_vector or 0
    return Difference(
        index=index,
        outputs=tuple(array[index].tobytes() for array in outcome.outputs),
        is_own_tree=oracle is ReferenceName.TFLM_TREE,
    )


def explain_difference(
    builder: Builder,
    image: Image,
    board: Board,
    model: ModelInfo,
    vectors: Vectors,
    difference: Difference,
) -> str:
    """What the operators say, in words.

    The device is held against the image's own TFLM tree on this host: a difference there is the
    board's or the compiler's. What goes wrong in finding out is told instead of raised: the verdict
    stands without it.
    """
    host_builder = HostBuilder.beside(builder)
    where = f"vector {difference.index} against the {tree_label(host_builder)}"
    try:
        host = start_tree(host_builder, model)
        try:
            device = start_device(board, image, builder.target)
            try:
                found = _found(device, host, board, builder, model, vectors, difference)
            finally:
                device.close()
        finally:
            host.close()
    except HilError as error:
        return f"{where}: no operator could be named: {error.message}"
    return f"{where}: {found}"


def _found(
    device: Device,
    host: Device,
    board: Board,
    builder: Builder,
    model: ModelInfo,
    vectors: Vectors,
    difference: Difference,
) -> str:
    clock_hz = builder.target.clock.core_clock_hz
    timeout_s = infer_timeout_s(model, clock_hz)

    def infer(on: Device) -> tuple[bytes, ...]:
        watchdog = Watchdog(board, int(timeout_s * clock_hz))
        replay(on, model, vectors, difference.index, timeout_s)
        inputs = vectors.input_bytes(difference.index)
        return on.infer(inputs, timeout_s, watchdog.is_working).outputs

    watchdog = Watchdog(board, int(timeout_s * clock_hz))
    divergence = first_divergence(
        device, host, model, vectors, difference.index, timeout_s, watchdog.is_working
    )
    if divergence is not None:
        return describe(divergence, model)
    return _without_a_name(infer(device), infer(host), difference)


def _without_a_name(
    ours: tuple[bytes, ...], theirs: tuple[bytes, ...], difference: Difference
) -> str:
    """What it means that no operator differs."""
    if ours != difference.outputs:
        return (
            "the board gives other outputs now than when it was measured: unstable supply, clock "
            "or memory"
        )
    if ours != theirs:
        return "no operator alone differs by more than rounding explains: it adds up on the way"
    if difference.is_own_tree:
        return "the host gives other outputs now than when it was the reference"
    return (
        "all operators agree bit for bit: board and compiler are right, and the reference is TFLM "
        "of another generation, which rounds differently"
    )
