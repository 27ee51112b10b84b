"""Host interpreters, each in a child process: a model that aborts one must not end pytest."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hil.child import ChildDied, ChildProcess
from hil.errors import ConfigError, ReferenceFailure, did_you_mean
from hil.model.info import ModelInfo

MODULE = "hil.reference.child"
TIMEOUT_S = 600.0

Array = npt.NDArray[np.generic]


class ReferenceName(StrEnum):
    """The host interpreters there are."""

    TFLM = "tflm"  # the tflite-micro wheel: bit-exact oracle for integer schemes
    TFLM_TREE = "tflm_tree"  # the image's own TFLM tree, compiled for this host
    LITERT = "litert"  # TFLite itself, as users get it: XNNPACK
    LITERT_REF = "litert_ref"  # its reference kernels
    LITERT_OPT = "litert_opt"  # its own optimized kernels, without XNNPACK


DEFAULT_REFERENCES = (ReferenceName.TFLM, ReferenceName.LITERT)
# What the outputs are judged against: the first of these that a run has.
ORACLES = (ReferenceName.TFLM, ReferenceName.TFLM_TREE)
LITERT_REFERENCES = (ReferenceName.LITERT, ReferenceName.LITERT_REF, ReferenceName.LITERT_OPT)


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

    def run(
        self, model: ModelInfo, inputs: Sequence[Array], starts: Sequence[int] = ()
    ) -> ReferenceResult:
        """Runs every vector: `inputs` holds one array of N x input shape per input tensor.

        Before the vectors `starts` what the model remembers is forgotten. Raises ReferenceFailure.
        """

    def kill(self) -> None:
        """Ends it in the middle of whatever it does; may be called from another thread."""

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

    def run(
        self, model: ModelInfo, inputs: Sequence[Array], starts: Sequence[int] = ()
    ) -> ReferenceResult:
        """See Reference."""
        arguments = {"name": self.name.value, "starts": list(starts)}
        with tempfile.TemporaryDirectory(prefix="hil-reference-") as name:
            folder = Path(name)
            (folder / "model.tflite").write_bytes(model.content)
            np.savez(folder / "inputs.npz", *inputs)
            try:
                result = self._child.call(
                    "run", arguments | {"folder": str(folder)}, timeout_s=TIMEOUT_S
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
        """See Reference."""
        self._child.kill()

    def close(self) -> None:
        """See Reference."""
        self._child.close()


def open_reference(name: ReferenceName) -> Reference:
    """The host interpreter of that name, not yet started; not for TFLM_TREE, which is built."""
    return ChildReference(name)


def has_tflm_wheel() -> bool:
    """Whether the `tflite-micro` wheel is installed: there are some for Linux on x86-64 only."""
    return find_spec("tflite_micro") is not None


def reference_names(names: Collection[str]) -> tuple[ReferenceName, ...]:
    """The references called `names`, each once. Raises ConfigError."""
    known = [reference.value for reference in ReferenceName]
    for name in names:
        if name not in known:
            raise ConfigError(f"unknown reference {name!r}", hint=did_you_mean(name, known))
    return tuple(dict.fromkeys(ReferenceName(name) for name in names))
