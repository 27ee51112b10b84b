"""`hil model ...`, `hil build`: looking at a model, and making an image of it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hil.cli import convert, fix
from hil.cli.options import (
    DEFAULT_TARGET,
    Kernels,
    ModelFile,
    TargetName,
    Tflm,
    builder_of,
)
from hil.errors import BuildError, ConfigError
from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo, OperatorInfo, TensorInfo
from hil.model.metadata import PROVENANCE, read_metadata
from hil.model.recognise import made_for

if TYPE_CHECKING:
    from hil.firmware.build import Builder

EXIT_UNSUPPORTED = 2
NAME_CHARACTERS = 30


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Look at models, convert them.")
    group.command("inspect")(inspect)
    group.command("convert")(convert.convert)
    group.command("fix")(fix.fix)
    group.command("export-c")(convert.export)
    app.add_typer(group, name="model")
    app.command("build")(build)


def inspect(
    model_file: ModelFile,
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", metavar="NAME", help="tell whether it runs there"),
    ] = None,
    kernels: Kernels = None,
    tflm: Tflm = None,
) -> None:
    """Show a model's operators, tensors, scheme and MACs, and what would keep it from running.

    Exit code 2 when it cannot run on the target.
    """
    if target is None and (kernels is not None or tflm is not None):
        raise ConfigError(
            "--kernels and --tflm say what a target's image is built from, and there is no target",
            hint=f"add --target {DEFAULT_TARGET}",
        )
    if target is not None:
        from hil.target import load_target

        load_target(target)  # a wrong name is an error before anything is shown
    model = read_model(model_file)
    console = Console(highlight=False)
    _print_facts(console, model)
    _print_operators(console, model.operators)
    for subgraph in model.further_subgraphs:
        console.print(f"subgraph {subgraph.index} {subgraph.name}".rstrip(), markup=False)
        _print_operators(console, subgraph.operators)
    _print_tensors(console, model)
    if target is None:
        console.print("whether it runs on a board: --target NAME", style="dim", markup=False)
        return
    from hil.model.preflight import find_problems
    from hil.model.problem import problem_texts

    builder = builder_of(target, tflm, kernels)
    source = builder.tflm
    print_size(console, model, builder)
    problems = find_problems(model, builder.limits())
    if not problems:
        console.print(f"nothing in the file keeps it from running on {target} ({source.origin})")
        return
    console.print(f"cannot run on {target} ({source.origin}):")
    for text in problem_texts(problems):
        console.print(f"- {text}", markup=False, soft_wrap=True)
    raise typer.Exit(EXIT_UNSUPPORTED)


def _print_facts(console: Console, model: ModelInfo) -> None:
    console.print(
        f"{model.name}: {model.scheme.value}, {model.file_bytes:,} bytes, {model.macs:,} MACs, "
        f"schema {model.schema_version}, sha256 {model.sha256[:8]}",
        markup=False,
    )
    for role, tensors in (("input", model.input_tensors), ("output", model.output_tensors)):
        for tensor in tensors:
            console.print(f"{role:6} {tensor.name}: {_tensor_text(tensor)}", markup=False)
    if model.has_state:
        variables = ", ".join(name.removeprefix("/") for name in model.resource_variables)
        text = f"resource variables {variables}" if variables else "in tensors and operators"
        console.print(f"state  {text}", markup=False, soft_wrap=True)
    finding = made_for(model)
    if finding is not None:
        console.print(f"made   {finding.reason}", markup=False, soft_wrap=True)
    if read_metadata(model.content, PROVENANCE) is not None:
        from hil.model.provenance import read_provenance

        made = read_provenance(model.content)
        console.print(f"made   {made}", markup=False, soft_wrap=True)


def print_size(console: Console, model: ModelInfo, builder: Builder) -> None:
    """What the image would take of the flash, as far as images that were built here show it."""
    flash = f"{builder.target.flash.bytes:,} bytes"
    model_text = f"model {model.file_bytes:,}"
    try:
        estimate = builder.code_estimate(model)
    except BuildError as error:
        console.print(f"flash  {model_text} of {flash}; code unknown: {error.message}")
        return
    if estimate is None:
        reason = "no image was built here yet with this TFLM, compiler and kernel library"
    else:
        reason = f"no image built here has {', '.join(estimate.unknown)}"
    if estimate is None or estimate.total_bytes is None:
        text = f"flash  {model_text} of {flash}; code unknown: {reason}"
        console.print(text, markup=False, soft_wrap=True)
        return
    total = model.file_bytes + estimate.total_bytes
    console.print(f"flash  about {total:,} of {flash}: {model_text}, code {estimate.total_bytes:,}")
    parts = [f"{name} {size:,}" for name, size in estimate.operator_bytes.items()]
    text = f"code   {', '.join([f'interpreter and harness {estimate.base_bytes:,}', *parts])}"
    console.print(text, markup=False, soft_wrap=True)


def _tensor_text(tensor: TensorInfo) -> str:
    return f"{_type_text(tensor)}, {_quantization_text(tensor)}".removesuffix(", ")


def _type_text(tensor: TensorInfo) -> str:
    shape = "x".join(str(size) for size in tensor.shape) or "scalar"
    return f"{tensor.type.lower()} {shape}"


def _quantization_text(tensor: TensorInfo) -> str:
    if tensor.is_per_channel:
        return f"{len(tensor.scales)} scales"
    if tensor.scales:
        zero_point = tensor.zero_points[0] if tensor.zero_points else 0
        return f"scale {tensor.scales[0]:.5g}, zero {zero_point}"
    return ""


def _print_operators(console: Console, operators: Sequence[OperatorInfo]) -> None:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("#", justify="right")
    table.add_column("operator", no_wrap=True)
    table.add_column("version", justify="right")
    table.add_column("inputs")
    table.add_column("outputs")
    table.add_column("MACs", justify="right")
    for operator in operators:
        table.add_row(
            str(operator.index),
            operator.name,
            str(operator.version),
            _indices(operator.inputs),
            _indices(operator.outputs),
            f"{operator.macs:,}" if operator.macs else "",
        )
    console.print(table)


def _indices(tensors: tuple[int, ...]) -> str:
    return " ".join("-" if index < 0 else f"t{index}" for index in tensors)


def _shortened(name: str) -> str:
    """The end of a long name: its beginning is the same for all."""
    return name if len(name) <= NAME_CHARACTERS else "…" + name[1 - NAME_CHARACTERS :]


def _print_tensors(console: Console, model: ModelInfo) -> None:
    roles = dict.fromkeys(model.inputs, "in") | dict.fromkeys(model.outputs, "out")
    rows = [
        (
            f"t{tensor.index}",
            _type_text(tensor),
            _quantization_text(tensor),
            roles.get(tensor.index, "const" if tensor.is_constant else ""),
            _shortened(tensor.name),
        )
        for tensor in model.tensors
    ]
    table = Table(box=SIMPLE_HEAD)
    for number, heading in enumerate(("", "tensor", "quantization", "", "name")):
        is_last = heading == "name"
        width = 0 if is_last else max(len(row[number]) for row in rows)
        table.add_column(heading, no_wrap=True, min_width=width)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def build(
    model_file: ModelFile,
    target: TargetName = DEFAULT_TARGET,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="copy the image there")
    ] = None,
    kernels: Kernels = None,
    tflm: Tflm = None,
) -> None:
    """Build the firmware image of a model."""
    from hil.cli.prepared import watched
    from hil.model.preflight import require_runnable

    builder = builder_of(target, tflm, kernels)
    model = read_model(model_file)
    require_runnable(model, builder.limits(), f"{model.name} cannot run on {target}")
    with watched("build") as show:
        image = builder.build(model, show)
    path = image.path
    if output is not None:
        try:
            shutil.copyfile(image.path, output)
        except OSError as error:
            raise ConfigError(f"cannot write {output}: {error.strerror or error}") from error
        path = output
    sizes = image.sizes
    if not sizes.arena_capacity_bytes:
        raise BuildError("the image leaves no RAM for the arena")
    typer.echo(f"image {path}")
    typer.echo(f"build id {image.build_id_hex}")
    typer.echo(
        f"flash {sizes.flash_bytes:,} bytes (model {sizes.model_bytes:,}), "
        f"static RAM {sizes.ram_static_bytes:,}, stack {sizes.stack_bytes:,}, "
        f"arena up to {sizes.arena_capacity_bytes:,}"
    )
