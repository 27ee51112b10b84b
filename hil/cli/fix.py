"""`hil model fix`: a model changed so that it runs, where that changes no result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli.convert import check_output
from hil.cli.options import DEFAULT_TARGET, Kernels, ModelFile, TargetName, Tflm, builder_of
from hil.errors import ModelError, ReferenceFailure
from hil.files import write_whole
from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo, TensorInfo

if TYPE_CHECKING:
    from hil.data import Array

CHECKED_VECTORS = 3
UINT8_ZERO = 128


def fix(
    model_file: ModelFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="file to write")],
    signature: Annotated[
        str | None,
        typer.Option("--signature", metavar="NAME", help="the signature that is to run"),
    ] = None,
    int8_io: Annotated[
        bool,
        typer.Option(
            "--int8-io", help="int8 instead of uint8 inputs and outputs: your values minus 128"
        ),
    ] = False,
    target: TargetName = DEFAULT_TARGET,
    kernels: Kernels = None,
    tflm: Tflm = None,
) -> None:
    """Change a model so that it runs, where that changes no result, and say what was done.

    What keeps it from running on the target still is named. Exit code 0 also when there is nothing
    to do; then OUT is a copy.
    """
    from hil.model.fix import fix_model
    from hil.model.preflight import find_problems
    from hil.model.problem import problem_texts

    check_output(model_file, output)
    builder = builder_of(target, tflm, kernels)
    model, limits = read_model(model_file), builder.limits()
    fixed = fix_model(model, limits, signature=signature, int8_io=int8_io)
    for text in fixed.not_done:
        typer.echo(f"not done: {text}")
    if fixed.done:
        for text in fixed.done:
            typer.echo(f"- {text}")
        typer.echo(_comparison(model, fixed.model))
    else:
        typer.echo("nothing that can be fixed without changing what the model computes")
    write_whole(output, fixed.model.content)
    typer.echo(f"{output}: {fixed.model.file_bytes:,} bytes, sha256 {fixed.model.sha256[:8]}")
    left = problem_texts(find_problems(fixed.model, limits))
    if left:
        typer.echo(f"what keeps it from running on {target} ({builder.tflm.origin}) still:")
    for text in left:
        typer.echo(f"- {text}")


def _comparison(before: ModelInfo, after: ModelInfo) -> str:
    """That LiteRT's reference kernels give the same for both. Raises ModelError when they do not.

    What cannot be compared is said: fewer inputs, a model that LiteRT does not take.
    """
    import numpy as np

    from hil.data import random_vectors
    from hil.reference.reference import ChildReference, ReferenceName

    if len(before.inputs) != len(after.inputs):
        return "not compared with the original: it has other inputs"
    inputs = random_vectors(before, CHECKED_VECTORS, 0).inputs
    reference = ChildReference(ReferenceName.LITERT_REF)
    try:
        one = reference.run(before, inputs).outputs
        other = reference.run(after, _as_types_of(inputs, after.input_tensors)).outputs
    except ReferenceFailure as error:
        return f"not compared with the original: {error.message}"
    finally:
        reference.close()
    one = _as_types_of(one, after.output_tensors)
    if not all(np.array_equal(x, y) for x, y in zip(one, other, strict=True)):
        raise ModelError(
            "LiteRT gives other outputs for the changed model, which is not written",
            hint="report this with the model: no change of this command may alter a result",
        )
    return f"LiteRT gives the same outputs for both ({CHECKED_VECTORS} random vectors)"


def _as_types_of(arrays: Sequence[Array], tensors: Sequence[TensorInfo]) -> tuple[Array, ...]:
    """uint8 arrays as int8, minus 128, where the tensor is int8."""
    import numpy as np

    return tuple(
        (array.astype(np.int16) - UINT8_ZERO).astype(np.int8)
        if array.dtype == np.uint8 and tensor.type == "INT8"
        else array
        for array, tensor in zip(arrays, tensors, strict=True)
    )
