"""`hil model convert`, `hil model export-c`: a model in another form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hil.cli.options import ModelFile
from hil.errors import ConfigError, did_you_mean
from hil.files import check_writable, write_whole
from hil.model.flatbuffer import read_model
from hil.vocab import Scheme

SCHEMES = ", ".join(Scheme)


def convert(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Keras file, SavedModel folder or float32 .tflite"),
    ],
    scheme: Annotated[str, typer.Option("--scheme", "-s", help=f"one of {SCHEMES}")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="file to write")],
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
) -> None:
    """Convert a model to a quantization scheme."""
    from hil.data import load_npz
    from hil.model.convert import Converter

    wanted = _scheme(scheme)
    check_writable(output)
    if source.exists() and output.exists() and output.samefile(source):
        raise ConfigError(f"{output} is the source itself", hint="write the result elsewhere")
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


def _scheme(name: str) -> Scheme:
    known = [scheme.value for scheme in Scheme]
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
) -> None:
    """Write a model as a C array, with its header and an operator resolver, for your firmware."""
    from hil.model.export_c import c_identifier, export_c

    model = read_model(model_file)
    files = export_c(model, c_identifier(model.name) if name is None else name)
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
