"""Runs models on host interpreters and the emulated board, for tests that compare outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hil.bench.emulated import EmulatedBoard
from hil.data import Array
from hil.device import outputs_as_arrays, start_device
from hil.firmware.build import Builder
from hil.model.info import ModelInfo
from hil.reference.reference import ChildReference, ReferenceName

INFER_TIMEOUT_S = 60.0


def on_host(
    model: ModelInfo, inputs: Sequence[Array], name: ReferenceName = ReferenceName.LITERT_REF
) -> tuple[Array, ...]:
    """What a host interpreter gives, one array of N x shape per output."""
    reference = ChildReference(name)
    try:
        return reference.run(model, inputs).outputs
    finally:
        reference.close()


def on_board(model: ModelInfo, inputs: Sequence[Array], builder: Builder) -> tuple[Array, ...]:
    """What the emulated board gives. Nothing is checked beforehand."""
    board = EmulatedBoard(builder.target)
    try:
        device = start_device(board, builder.build(model), builder.target)
        try:
            rows = [
                device.infer([array[i].tobytes() for array in inputs], INFER_TIMEOUT_S).outputs
                for i in range(len(inputs[0]))
            ]
        finally:
            device.close()
    finally:
        board.close()
    return outputs_as_arrays(model, rows)


def are_equal(one: Sequence[Array], other: Sequence[Array]) -> bool:
    """Bit for bit."""
    return all(np.array_equal(x, y) for x, y in zip(one, other, strict=True))
