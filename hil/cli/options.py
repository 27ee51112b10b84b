"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.tflm.choice import TFLM_VARIABLE
from hil.tflm.kernels import NAMES

if TYPE_CHECKING:
    from hil.bench.bench import BenchChoice
    from hil.firmware.build import Builder

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL.tflite", help="the model")]
TargetName = Annotated[str, typer.Option("--target", "-t", metavar="NAME", help="board type")]
Kernels = Annotated[
    str | None,
    typer.Option(
        "--kernels",
        metavar="NAME",
        help=f"kernel library: {', '.join(NAMES)}; by default that of the TFLM generation",
    ),
]
Tflm = Annotated[
    str | None,
    typer.Option(
        "--tflm",
        metavar="NAME",
        envvar=TFLM_VARIABLE,
        help="TFLM to build from: 2024, 2020, a folder of your own or a .crate file",
    ),
]
Probe = Annotated[
    str | None, typer.Option("--probe", metavar="UID", help="a real board's debug probe")
]
Port = Annotated[str | None, typer.Option("--port", metavar="URL", help="that board's serial port")]

DEFAULT_TARGET = "stm32f746"


def builder_of(target: str, tflm: str | None, kernels: str | None) -> Builder:
    """What builds for a target. Raises ConfigError, BuildError."""
    from hil.firmware.build import Builder
    from hil.target import load_target
    from hil.tflm.locate import locate_tflm

    builder = Builder(load_target(target), locate_tflm(tflm), kernels)
    _ = builder.library  # a wrong name is an error now
    return builder


def bench_choice(probe: str | None, port: str | None) -> BenchChoice:
    """The board meant by --probe and --port. Raises ConfigError."""
    from hil.bench.bench import ANY, BenchChoice

    return BenchChoice(ANY, probe, port)
