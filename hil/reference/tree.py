"""The image's own TFLM tree on this host, asked like a board."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from hil.data import Array
from hil.device import Device, outputs_as_arrays
from hil.errors import HilError, ReferenceFailure
from hil.firmware.host_build import HostBuilder
from hil.link.client import LinkClient
from hil.link.pipe import PipePort
from hil.model.info import ModelInfo
from hil.reference.reference import ReferenceName, ReferenceResult

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


class TreeReference:
    """A Reference: the tree's build for this host, started anew for each model."""

    def __init__(self, builder: HostBuilder) -> None:
        self._builder = builder
        self._device: Device | None = None

    def run(self, model: ModelInfo, inputs: Sequence[Array]) -> ReferenceResult:
        """See Reference. Raises BuildError too."""
        device = self._device = start_tree(self._builder, model)
        rows, latency_us = [], []
        try:
            for index in range(len(inputs[0])):
                vector = [array[index].tobytes() for array in inputs]
                start = perf_counter()
                rows.append(device.infer(vector, INFER_TIMEOUT_S).outputs)
                latency_us.append((perf_counter() - start) * 1e6)
            arena_bytes = device.arena.arena_used_bytes
        finally:
            device.close()
        return ReferenceResult(
            name=ReferenceName.TFLM_TREE,
            label=tree_label(self._builder),
            outputs=outputs_as_arrays(model, rows),
            latency_us=tuple(latency_us),
            arena_bytes=arena_bytes,
        )

    def kill(self) -> None:
        """See Reference."""
        if self._device is not None:
            self._device.close()

    def close(self) -> None:
        """See Reference: nothing is kept."""
