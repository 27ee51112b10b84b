"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.errors import ConfigError, did_you_mean
from hil.vocab import KernelLibrary

if TYPE_CHECKING:
    from hil.bench.bench import BenchChoice

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL.tflite", help="the model")]
TargetName = Annotated[str, typer.Option("--target", "-t", metavar="NAME", help="board type")]
Kernels = Annotated[
    str, typer.Option("--kernels", help=f"kernel library: {', '.join(KernelLibrary)}")
]
Tflm = Annotated[Path | None, typer.Option("--tflm", metavar="DIR", help="a TFLM tree of your own")]
Probe = Annotated[
    str | None, typer.Option("--probe", metavar="UID", help="a real board's debug probe")
]
Port = Annotated[str | None, typer.Option("--port", metavar="URL", help="that board's serial port")]

DEFAULT_TARGET = "stm32f746"
DEFAULT_KERNELS = KernelLibrary.REFERENCE.value


def kernel_library(name: str) -> KernelLibrary:
    """The kernel library called `name`. Raises ConfigError."""
    known = [library.value for library in KernelLibrary]
    if name not in known:
        raise ConfigError(f"unknown kernel library {name!r}", hint=did_you_mean(name, known))
    return KernelLibrary(name)


def bench_choice(probe: str | None, port: str | None) -> BenchChoice:
    """The board meant by --probe and --port. Raises ConfigError."""
    from hil.bench.bench import ANY, BenchChoice

    return BenchChoice(ANY, probe, port)
