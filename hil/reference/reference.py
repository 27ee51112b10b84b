"""Host interpreters, each in a child process: a model that aborts one must not end pytest."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hil.child import ChildDied, ChildProcess
from hil.errors import ReferenceFailure
from hil.model.info import ModelInfo

MODULE = "hil.reference.child"
TIMEOUT_S = 600.0

Array = npt.NDArray[np.generic]


class ReferenceName(StrEnum):
    """The host interpreters there are."""

    TFLM = "tflm"  # the tflite-micro wheel: bit-exact oracle for integer schemes
    LITERT = "litert"  # TFLite itself


@dataclass(frozen=True)
class ReferenceResult:
    """What a host interpreter made of the vectors.

    `outputs` has one array of N x output shape per output tensor, in the model's output dtypes;
    `latency_us` the host's own time per vector (one thread); `arena_bytes` is None where there is
    no such thing. `label` names interpreter, version and resolver.
    """

    name: ReferenceName
    label: str
    outputs: tuple[Array, ...]
    latency_us: tuple[float, ...]
    arena_bytes: int | None


class Reference(Protocol):
    """A host interpreter."""

    def run(self, model: ModelInfo, inputs: Sequence[Array]) -> ReferenceResult:
        """Runs every vector: `inputs` holds one array of N x input shape per input tensor.

        Raises ReferenceFailure.
        """

    def close(self) -> None:
        """Ends it."""


class ChildReference:
    """A host interpreter in a child process, kept warm between models."""

    def __init__(self, name: ReferenceName) -> None:
        self.name = name
        self._child = ChildProcess(MODULE)

    def warm_up(self) -> None:
        """Starts the child in the background."""
        self._child.start()

    def run(self, model: ModelInfo, inputs: Sequence[Array]) -> ReferenceResult:
        """See Reference."""
        with tempfile.TemporaryDirectory(prefix="hil-reference-") as name:
            folder = Path(name)
            (folder / "model.tflite").write_bytes(model.content)
            np.savez(folder / "inputs.npz", *inputs)
            try:
                result = self._child.call(
                    "run", {"name": self.name.value, "folder": str(folder)}, timeout_s=TIMEOUT_S
                )
            except ChildDied as error:
                raise ReferenceFailure(
                    f"host {self.name.value} died on {model.name}: {error.message}",
                    detail=error.detail,
                    step="reference",
                ) from error
            with np.load(folder / "outputs.npz", allow_pickle=False) as archive:
                outputs = tuple(archive[f"arr_{i}"] for i in range(len(model.outputs)))
        return ReferenceResult(
            name=self.name,
            label=result["label"],
            outputs=outputs,
            latency_us=tuple(result["latency_us"]),
            arena_bytes=result["arena_bytes"],
        )

    def kill(self) -> None:
        """Ends it in the middle of whatever it does; may be called from another thread."""
        self._child.kill()

    def close(self) -> None:
        """See Reference."""
        self._child.close()
