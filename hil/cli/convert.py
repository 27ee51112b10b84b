"""`hil model convert`, `hil model export-c`: a model in another form."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli.options import Kernels, ModelFile, Tflm
from hil.errors import ConfigError, did_you_mean
from hil.files import check_writable, write_whole
from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo
from hil.model.recognise import made_for
from hil.vocab import CONVERSIONS, Scheme

if TYPE_CHECKING:
    from hil.tflm.source import TflmSource

SCHEMES = ", ".join(CONVERSIONS)


def convert(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Keras file, SavedModel folder or float32 .tflite"),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="file to write")],
    scheme: Annotated[str | None, typer.Option("--scheme", "-s", help=f"one of {SCHEMES}")] = None,
    calibration: Annotated[
        Path | None,
        typer.Option("--calibration", metavar="X.npz", help="typical inputs, for int8 and int16x8"),
    ] = None,
    per_channel_dense: Annotated[
        bool,
        typer.Option(
            "--per-channel-dense",
            help="a scale for each channel of dense layers: TFLM before September 2024 computes "
            "them wrongly",
        ),
    ] = False,
    per_tensor_dense_: Annotated[
        bool,
        typer.Option(
            "--per-tensor-dense",
            help="of an int8 .tflite: one scale for all channels of its dense layers, as older "
            "TFLM needs it; without --scheme",
        ),
    ] = False,
) -> None:
    """Convert a model to a quantization scheme, or an int8 model's dense layers to one scale."""
    check_output(source, output)
    if per_tensor_dense_:
        if scheme is not None or calibration is not None or per_channel_dense:
            raise ConfigError("--per-tensor-dense goes alone: it rewrites a file that is int8")
        _one_scale(source, output)
        return
    if scheme is None:
        raise ConfigError("which scheme?", hint=f"--scheme, one of {SCHEMES}")
    from hil.data import load_npz
    from hil.model.convert import Converter

    wanted = _scheme(scheme)
    with Converter() as converter:
        done = converter.convert(
            source,
            wanted,
            None if calibration is None else lambda model: load_npz(model, calibration),
            per_channel_dense=per_channel_dense,
        )
    write_whole(output, done.model.content)
    typer.echo(f"{output}: {done.model.file_bytes:,} bytes, sha256 {done.model.sha256[:8]}")
    typer.echo(f"{done.provenance}, in {done.seconds:.2f} s")


def _one_scale(source: Path, output: Path) -> None:
    from hil.model.convert import source_kind
    from hil.model.per_tensor import per_tensor_dense
    from hil.model.provenance import SourceKind

    if source_kind(source) is not SourceKind.TFLITE:
        raise ConfigError(
            f"{source} is no .tflite file",
            hint="hil model convert --scheme int8 gives dense layers one scale already",
        )
    done = per_tensor_dense(read_model(source))
    write_whole(output, done.model.content)
    typer.echo(f"{output}: {done.model.file_bytes:,} bytes, sha256 {done.model.sha256[:8]}")
    for layer in done.layers:
        typer.echo(str(layer))
    typer.echo("what that costs in accuracy: measure it with hil run, with vectors and labels")


def check_output(source: Path, output: Path) -> None:
    """Finds out before the work that the result could not be kept. Raises ConfigError."""
    check_writable(output)
    if source.exists() and output.exists() and output.samefile(source):
        raise ConfigError(f"{output} is the source itself", hint="write the result elsewhere")


def _scheme(name: str) -> Scheme:
    known = [scheme.value for scheme in CONVERSIONS]
    if name not in known:
        raise ConfigError(f"unknown scheme {name!r}", hint=did_you_mean(name, known))
    return Scheme(name)


def export(
    model_file: ModelFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="folder for the files")
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="name of the array (default: from the file's)")
    ] = None,
    kernels: Kernels = None,
    tflm: Tflm = None,
) -> None:
    """Write a model as a C array, with its header and an operator resolver, for your firmware.

    The resolver is for TFLM as --tflm says. What that TFLM would refuse or get wrong is told.
    """
    from hil.model.export_c import c_identifier, export_c
    from hil.tflm.locate import locate_tflm

    model = read_model(model_file)
    source = locate_tflm(tflm)
    files = export_c(model, c_identifier(model.name) if name is None else name, source)
    for text in _warnings(model, source, kernels):
        typer.echo(f"warning: {text}", err=True)
    if output.exists() and not output.is_dir():
        raise ConfigError(f"{output} is no folder")
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make folder {output}: {error.strerror or error}") from error
    for path in (output / file_name for file_name in files):
        check_writable(path)
    for file_name, text in files.items():
        write_whole(output / file_name, text.encode())
        typer.echo(str(output / file_name))


def _warnings(model: ModelInfo, tflm: TflmSource, kernels: str | None) -> list[str]:
    """What is wrong with the model on that TFLM, whatever the target's sizes.

    Of a file for an accelerator nothing: whoever exports that has one.
    """
    from hil.model.preflight import Limits, find_problems
    from hil.model.problem import problem_texts

    if made_for(model) is not None:
        return []
    limits = Limits(
        operators={name: each.highest_version for name, each in tflm.operators.items()},
        kernels=tflm.library(kernels).name,
        rules=tflm.generation.rules,
        flash_bytes=sys.maxsize,
        arena_bytes=sys.maxsize,
    )
    return problem_texts(find_problems(model, limits))
