"""Runs models on the 2024 tree's build for this host, each in a process of its own.

One program holds all operators of the tests: a model that faults ends its own process only.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hil.firmware.host_build import COMPILER, HostBuilder
from hil.firmware.toolchain import require
from hil.model.flatbuffer import parse_model
from hil.resources import firmware_harness_dir
from hil.tflm.additions import additions
from tests import models
from tests.models import Model
from tests.tflm.one_operator import side_by_side

SOURCE = Path(__file__).with_name("model_runner.cc")
ARENA_BYTES = 200_000
TIMEOUT_S = 60.0
COMPILE_TIMEOUT_S = 300.0
REFUSED, AT_INVOKE, HALTED = 3, 4, 5
DTYPES = {
    "FLOAT32": np.float32,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "BOOL": np.bool_,
}

Values = list[Any]


@dataclass(frozen=True)
class Result:
    """How a model ended: `code` is 0, a code of model_runner.cc, or negative for a signal;
    `outputs` of each inference in order, `text` is what TFLM logged.
    """

    code: int
    text: str
    outputs: list[Values]


@dataclass(frozen=True)
class TreeRunner:
    """The program, for models of operators it holds."""

    program: Path

    def run(self, model: Model, vectors: Sequence[Values], folder: Path, fill: int = 0) -> Result:
        """Runs `vectors` one after the other in an arena that was full of the byte `fill`."""
        for name, content in (("model", models.write(model)), ("inputs", _joined(vectors))):
            (folder / name).write_bytes(content)
        names = [str(folder / name) for name in ("model", "inputs", "outputs")]
        done = subprocess.run(
            [self.program, names[0], names[1], str(ARENA_BYTES), str(fill), names[2]],
            capture_output=True,
            timeout=TIMEOUT_S,
        )
        text = done.stderr.decode(errors="replace")
        if done.returncode:
            return Result(done.returncode, text, [])
        return Result(0, text, _split(model, (folder / "outputs").read_bytes(), len(vectors)))


def _joined(vectors: Sequence[Values]) -> bytes:
    return b"".join(np.ascontiguousarray(array).tobytes() for row in vectors for array in row)


def _split(model: Model, content: bytes, count: int) -> list[Values]:
    rows, at = [], 0
    for _ in range(count):
        row = []
        for index in model.outputs:
            tensor = model.tensors[index]
            dtype = np.dtype(DTYPES[tensor.type])
            size = int(np.prod(tensor.shape)) * dtype.itemsize
            row.append(np.frombuffer(content[at : at + size], dtype).reshape(tensor.shape))
            at += size
        rows.append(row)
    return rows


def build_runner(builder: HostBuilder, several: Sequence[Model], folder: Path) -> TreeRunner:
    """A program with all operators of these models."""
    info = parse_model(models.write(side_by_side(several)), "all")
    tflm, harness = builder.tflm, firmware_harness_dir() / "tflm"
    generation = tflm.generation
    added = [
        f"resolver.{tflm.operators[each.operator.name].method}();" for each in additions(info, tflm)
    ]
    program = folder / "runner"
    includes = [tflm.root / each for each in generation.include_dirs]
    includes += [harness / each for each in (*generation.stub_dirs, generation.compat)]
    command = [
        require(COMPILER),
        f"-std=c++{generation.standard}",
        "-O1",
        "-w",
        "-fno-rtti",
        "-fno-exceptions",
        "-funsigned-char",
        *[f"-I{each}" for each in includes],
        *[f"-D{each}" for each in (*generation.defines, *builder.library.defines)],
        f"-DHIL_OPERATOR_COUNT={len(added)}",
        f"-DHIL_ADD_OPERATORS(resolver)={' '.join(added)}",
        str(SOURCE),
        *[str(each) for each in builder.objects(info)],
        "-o",
        str(program),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S)
    assert done.returncode == 0, done.stderr[-2000:]
    return TreeRunner(program)
