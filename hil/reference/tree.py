"""The image's own TFLM tree on this host, asked like a board."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from time import perf_counter

from hil.data import Array
from hil.device import Device, outputs_as_arrays
from hil.errors import HilError, ReferenceFailure
from hil.firmware.host_build import HostBuilder
from hil.link.client import LinkClient
from hil.link.pipe import PipePort
from hil.model.info import ModelInfo
from hil.progress import Progress, silent
from hil.reference.reference import ReferenceName, ReferenceResult

HELLO_TIMEOUT_S = 10.0
INFER_TIMEOUT_S = 120.0


def start_tree(builder: HostBuilder, model: ModelInfo, on_progress: Progress = silent) -> Device:
    """The host's build of `model`, greeted and allocated; to be closed by the caller.

    Raises BuildError, and ReferenceFailure when it does not run the model.
    """

    def show(stage: str, done: int, total: int) -> None:
        on_progress(f"build {stage} for this host", done, total)

    return _greeted(PipePort(builder.build(model, show)), model)


def _greeted(port: PipePort, model: ModelInfo) -> Device:
    device = Device(LinkClient(port))
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
    return f"TFLM tree on this host ({builder.tflm.origin}, {builder.library.name} kernels)"


class TreeReference:
    """A Reference: the tree's build for this host, started anew for each model.

    `on_progress` is told of the build, in the thread that runs it.
    """

    def __init__(self, builder: HostBuilder, on_progress: Progress = silent) -> None:
        self._builder = builder
        self._on_progress = on_progress
        self._port: PipePort | None = None
        self._killed = Event()

    def run(
        self, model: ModelInfo, inputs: Sequence[Array], starts: Sequence[int] = ()
    ) -> ReferenceResult:
        """See Reference. Raises BuildError too."""
        self._check_alive()
        program = self._builder.build(model, self._on_build)
        self._check_alive()
        port = self._port = PipePort(program)
        if self._killed.is_set():  # by someone who did not see the port yet
            port.kill()
        device = _greeted(port, model)
        rows, latency_us, resets = [], [], frozenset(starts)
        try:
            for index in range(len(inputs[0])):
                self._check_alive()
                if index in resets:
                    device.reset()
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

    def _on_build(self, stage: str, done: int, total: int) -> None:
        self._check_alive()
        self._on_progress(f"build {stage} for this host", done, total)

    def _check_alive(self) -> None:
        if self._killed.is_set():
            raise ReferenceFailure("the TFLM tree on this host was ended before it was done")

    def kill(self) -> None:
        """See Reference. Ends a build too; nothing runs on it afterwards."""
        self._killed.set()
        if self._port is not None:
            self._port.kill()

    def close(self) -> None:
        """See Reference: nothing is kept."""
