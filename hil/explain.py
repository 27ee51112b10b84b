"""Why a device's outputs differ: which operator is first, and whether board or TFLM is to blame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hil.bench.board import Board
from hil.bench.watchdog import Watchdog
from hil.bisect import REFERENCE_TIMEOUT_S, describe, first_divergence
from hil.data import Vectors
from hil.device import Device, start_device
from hil.errors import HilError
from hil.firmware.build import Builder
from hil.firmware.host_build import HostBuilder
from hil.firmware.image import Image
from hil.model.info import ModelInfo
from hil.outcome import Outcome
from hil.progress import Progress, silent
from hil.reference.reference import ReferenceName
from hil.reference.tree import start_tree, tree_label
from hil.state import restore
from hil.stream import infer_timeout_s
from hil.tflm.kernels import REFERENCE


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
    on_progress: Progress = silent,
) -> str:
    """What the operators say, in words.

    The device is held against the image's own TFLM tree on this host: a difference there is the
    board's or the compiler's. Without one, optimized kernels are held against the tree's reference
    kernels. What goes wrong in finding out is told instead of raised: the verdict
    stands without it.
    """
    own = HostBuilder.beside(builder)
    where = f"{vectors.name_of(difference.index)} against the {tree_label(own)}"
    try:
        device = start_device(board, image, builder.target)
        try:
            asked = _Asked(device, board, builder, model, vectors, difference, on_progress)
            said = f"{where}: {asked.against(own)}"
            if builder.library.name != REFERENCE and not asked.has_name:
                plain = replace(own, kernels=REFERENCE)
                said += f"\nagainst the {tree_label(plain)}: {asked.against(plain)}"
        finally:
            device.close()
    except HilError as error:
        return f"{where}: no operator could be named: {error.message}"
    return said


class _Asked:
    """A device, asked about one vector."""

    def __init__(
        self,
        device: Device,
        board: Board,
        builder: Builder,
        model: ModelInfo,
        vectors: Vectors,
        difference: Difference,
        on_progress: Progress,
    ) -> None:
        self._on_progress = on_progress
        self._device = device
        self._model = model
        self._vectors = vectors
        self._difference = difference
        clock_hz = builder.target.clock.core_clock_hz
        self._timeout_s = infer_timeout_s(model, clock_hz)
        self._watchdog = Watchdog(board, int(self._timeout_s * clock_hz))
        device.before_each_inference(self._watchdog.arm)
        self.has_name = False

    def against(self, tree: HostBuilder) -> str:
        """The first operator that differs from that tree's on this host, or what it means that none
        does.
        """
        host = start_tree(tree, self._model, self._on_progress)
        try:
            divergence = first_divergence(
                self._device,
                host,
                self._model,
                self._vectors,
                self._difference.index,
                self._timeout_s,
                self._watchdog.is_working,
            )
            if divergence is not None:
                self.has_name = True
                return describe(divergence, self._model)
            theirs = self._infer(host, REFERENCE_TIMEOUT_S, None)
            ours = self._infer(self._device, self._timeout_s, self._watchdog.is_working)
            return _without_a_name(ours, theirs, self._difference)
        finally:
            host.close()

    def _infer(
        self, on: Device, timeout_s: float, is_working: Callable[[], bool] | None
    ) -> tuple[bytes, ...]:
        index = self._difference.index
        restore(on, self._model, self._vectors, index, timeout_s, is_working)
        return on.infer(self._vectors.input_bytes(index), timeout_s, is_working).outputs


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
        "all operators agree bit for bit: board and compiler are right, and the reference is "
        "another TFLM, by generation or by its kernels"
    )
