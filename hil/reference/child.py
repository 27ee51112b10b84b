"""The process of the host interpreters: `python -m hil.reference.child`."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Collection, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from hil.child_loop import Json, Progress, serve
from hil.errors import ReferenceFailure

ARENA_BYTES = 32 << 20
THREADS = 1
TFLM = "tflm"
# LiteRT's op resolvers: the name in OpResolverType, and what it means.
RESOLVERS = {
    "litert": ("BUILTIN", "default kernels: XNNPACK"),
    "litert_ref": ("BUILTIN_REF", "reference kernels"),
    "litert_opt": ("BUILTIN_WITHOUT_DEFAULT_DELEGATES", "optimized kernels, no XNNPACK"),
}


def _run(arguments: Json, progress: Progress) -> Json:
    folder = Path(arguments["folder"])
    model = (folder / "model.tflite").read_bytes()
    with np.load(folder / "inputs.npz", allow_pickle=False) as archive:
        inputs = [archive[f"arr_{i}"] for i in range(len(archive.files))]
    name = arguments["name"]
    starts = frozenset(arguments["starts"])
    interpreter = _HostTflm(model) if name == TFLM else _HostLiteRt(model, *RESOLVERS[name])
    outputs, latency_us = _run_all(interpreter, inputs, starts, progress)
    np.savez(folder / "outputs.npz", *outputs)
    return {
        "label": interpreter.label,
        "latency_us": latency_us,
        "arena_bytes": interpreter.arena_bytes,
    }


def _run_all(
    interpreter: _HostTflm | _HostLiteRt,
    inputs: Sequence[Any],
    starts: Collection[int],
    progress: Progress,
) -> tuple[list[Any], list[float]]:
    collected: list[list[Any]] = []
    latency_us = []
    count = len(inputs[0])
    for i in range(count):
        if i in starts:
            interpreter.forget()
        start = perf_counter()
        outputs = interpreter.infer([array[i] for array in inputs])
        latency_us.append((perf_counter() - start) * 1e6)
        collected.append(outputs)
        if i % 64 == 0:
            progress(i / count)
    return [np.stack(column) for column in zip(*collected, strict=True)], latency_us


class _HostTflm:
    """The `tflite-micro` wheel: TFLM's reference kernels on the host."""

    def __init__(self, model: bytes) -> None:
        try:
            from tflite_micro import runtime
        except ImportError as error:
            raise ReferenceFailure(
                "host TFLM is not installed",
                hint="its wheel (tflite-micro) exists for Linux on x86-64 only",
            ) from error
        self._new = partial(runtime.Interpreter.from_bytes, model, arena_size=ARENA_BYTES)
        with _CapturedStderr() as text:
            try:
                self._interpreter = self._new()
            except (RuntimeError, ValueError) as error:
                raise ReferenceFailure(
                    f"host TFLM refuses the model: {error}", detail=text().strip()
                ) from error
            self._interpreter.print_allocations()
            total = re.search(r"Arena allocation total (\d+) bytes", text())
        self.arena_bytes = int(total[1]) if total else None
        self.label = f"host TFLM {version('tflite-micro').removeprefix('0.')}"
        self._outputs = len(_output_details(self._interpreter))

    def forget(self) -> None:
        """Begins anew, with a new interpreter: `reset` clears the variables that CALL_ONCE has set,
        and does not run the initialization again.
        """
        self._interpreter = self._new()

    def infer(self, inputs: Sequence[Any]) -> list[Any]:
        """One vector; every input is written again, as TFLM may reuse its memory."""
        for index, value in enumerate(inputs):
            self._interpreter.set_input(value, index)
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise ReferenceFailure(f"host TFLM refuses the model: {self._reason()}") from error
        return [np.array(self._interpreter.get_output(i)) for i in range(self._outputs)]

    def _reason(self) -> str:
        """What TFLM prints when it refuses to run: its exception does not say it."""
        with _CapturedStderr() as text:
            try:
                self._interpreter.invoke()
            except RuntimeError as error:
                return "; ".join(text().split("\n")).strip("; ") or str(error)
        return "it does so once and not again"


def _output_details(interpreter: Any) -> list[Any]:
    details: list[Any] = []
    while True:
        try:
            details.append(interpreter.get_output_details(len(details)))
        except (IndexError, RuntimeError, ValueError):
            return details


class _HostLiteRt:
    """LiteRT, the TensorFlow Lite that users know, with the kernels of one of its resolvers."""

    def __init__(self, model: bytes, resolver: str, kernels: str) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self.arena_bytes = None
        self.label = f"LiteRT {version('ai-edge-litert')} ({kernels})"
        self._new = partial(
            Interpreter,
            model_content=model,
            num_threads=THREADS,
            experimental_op_resolver_type=OpResolverType[resolver],
        )
        try:
            self.forget()
        except (RuntimeError, ValueError) as error:
            raise ReferenceFailure(f"LiteRT refuses the model: {error}") from error
        self._inputs = [d["index"] for d in self._interpreter.get_input_details()]
        self._outputs = [d["index"] for d in self._interpreter.get_output_details()]

    def forget(self) -> None:
        """Begins anew, with a new interpreter: `reset_all_variables` leaves resource variables as
        they are.
        """
        self._interpreter = self._new()
        self._interpreter.allocate_tensors()

    def infer(self, inputs: Sequence[Any]) -> list[Any]:
        """One vector."""
        for index, value in zip(self._inputs, inputs, strict=True):
            self._interpreter.set_tensor(index, value)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


class _CapturedStderr:
    """What C code prints to standard error, which Python's redirection does not see."""

    def __enter__(self) -> Callable[[], str]:
        self._file = tempfile.TemporaryFile()
        self._saved = os.dup(2)
        os.dup2(self._file.fileno(), 2)
        return self._read

    def _read(self) -> str:
        self._file.seek(0)
        return self._file.read().decode("utf-8", "replace")

    def __exit__(self, *_: object) -> None:
        os.dup2(self._saved, 2)
        os.close(self._saved)
        self._file.close()


if __name__ == "__main__":
    serve({"run": _run})
