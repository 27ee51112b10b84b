"""The image's own TFLM tree on this host, asked like a board."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hil.data import Array
from hil.device import Device
from hil.errors import HilError, ReferenceFailure
from hil.firmware.host_build import HostBuilder
from hil.link.client import LinkClient
from hil.link.pipe import PipePort
from hil.model.info import ModelInfo

HELLO_TIMEOUT_S = 10.0
INFER_TIMEOUT_S = 120.0


def start_tree(builder: HostBuilder, model: ModelInfo) -> Device:
    """The host's build of `model`, greeted and allocated; to be closed by the caller.

    Raises BuildError, and ReferenceFailure when it does not run the model.
    """
    program = builder.build(model)
    device = Device(LinkClient(PipePort(program)))
    try:
        reply = device.client.hello(HELLO_TIMEOUT_S)
        if reply.model_sha256.hex() != model.sha256:
            raise ReferenceFailure("the host's build of the firmware holds another model")
        device.allocate()
    except ReferenceFailure:
        device.close()
        raise
    except HilError as error:
        device.close()
        raise ReferenceFailure(
            f"the host's build of the TFLM tree does not run the model: {error.message}",
            detail=error.detail,
        ) from error
    return device


def tree_label(builder: HostBuilder) -> str:
    """What it is, for reports."""
    return f"TFLM tree on this host ({builder.tflm.origin}, {builder.kernels.value} kernels)"


def run_tree(
    builder: HostBuilder, model: ModelInfo, inputs: Sequence[Array]
) -> tuple[tuple[Array, ...], int]:
    """Outputs (one array of N x output shape per output tensor) and arena bytes used.

    Raises BuildError and ReferenceFailure.
    """
    device = start_tree(builder, model)
    try:
        rows = [
            device.infer([array[i].tobytes() for array in inputs], INFER_TIMEOUT_S).outputs
            for i in range(len(inputs[0]))
        ]
        arena_bytes = device.arena.arena_used_bytes
    finally:
        device.close()
    outputs = []
    for index, tensor in enumerate(model.output_tensors):
        joined = b"".join(row[index] for row in rows)
        array = np.frombuffer(joined, np.dtype(tensor.numpy_dtype or "uint8"))
        outputs.append(array.reshape(len(rows), *tensor.shape))
    return tuple(outputs), arena_bytes
