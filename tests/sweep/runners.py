"""Who runs a sweep's models: the emulated board, or the tree's build for this host."""

from __future__ import annotations

from collections.abc import Sequence

from hil.bench.emulated import EmulatedBoard
from hil.device import outputs_as_arrays, start_device
from hil.errors import HilError
from hil.firmware.build import Builder
from hil.firmware.host_build import HostBuilder
from hil.model.info import ModelInfo
from hil.reference.tree import TreeReference
from tests.sweep.draft import Array

INFER_TIMEOUT_S = 60.0


class BoardRunner:
    """A Runner: an emulated board of its own, a new one after each failure; to be closed."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._board: EmulatedBoard | None = None

    def run(self, model: ModelInfo, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """See Runner."""
        image = self._builder.build(model)
        if self._board is None:
            self._board = EmulatedBoard(self._builder.target)
        try:
            device = start_device(self._board, image, self._builder.target)
            try:
                rows = [
                    device.infer([array[i].tobytes() for array in inputs], INFER_TIMEOUT_S).outputs
                    for i in range(len(inputs[0]))
                ]
            finally:
                device.close()
        except HilError:
            self.close()
            raise
        return outputs_as_arrays(model, rows)

    def close(self) -> None:
        """Ends the board."""
        if self._board is not None:
            self._board.close()
            self._board = None


class TreeRunner:
    """A Runner: the same tree and kernels as a program for this host."""

    def __init__(self, builder: HostBuilder) -> None:
        self._builder = builder

    def run(self, model: ModelInfo, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """See Runner."""
        return TreeReference(self._builder).run(model, inputs).outputs
