"""`hil init`, `hil doctor`: the first steps."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from hil import resources
from hil.bench.discover import connected_probes
from hil.emulator.core import core_path, load_core, require_unicorn
from hil.errors import ConfigError, HilError
from hil.firmware import toolchain
from hil.firmware.cache import Cache
from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo
from hil.tflm.locate import locate_tflm

SAMPLE_SUITE, SAMPLE_MODEL = "digits", "digits_int8.tflite"


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("init")(init)
    app.command("doctor")(doctor)


def init(
    model: Annotated[
        Path | None,
        typer.Option("--model", "-m", metavar="M.tflite", help="a model of yours"),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="where to write it")
    ] = None,
) -> None:
    """Write a minimal suite that runs: suite.toml, data.py with random vectors, the model."""
    source = model or _sample_model()
    info = read_model(source)
    target = folder or Path("suites") / source.stem
    if target.exists() and any(target.iterdir()):
        raise ConfigError(f"{target} exists and is not empty", hint="choose another: --dir DIR")
    name = "".join(c if c.isalnum() or c in "-_" else "_" for c in source.stem)
    try:
        (target / "models").mkdir(parents=True)
        shutil.copyfile(source, target / "models" / f"{name}.tflite")
        (target / "suite.toml").write_text(_suite_toml(name))
        (target / "data.py").write_text(_data_py(info))
    except OSError as error:
        raise ConfigError(f"cannot write {target}: {error.strerror or error}") from error
    typer.echo(f"wrote {target / 'suite.toml'} and {target / 'data.py'}")
    typer.echo(f"run it: pytest {shlex.quote(str(target))} --target stm32f746")


def _sample_model() -> Path:
    suite = resources.find(resources.SUITES, SAMPLE_SUITE)
    if suite is None:
        raise ConfigError(
            "this installation has no sample model", hint="give one: --model M.tflite"
        )
    return suite / "models" / SAMPLE_MODEL


def _suite_toml(name: str) -> str:
    return f"""\
[hil]
schema = 1
name = "{name}"

[data]
module = "data.py"

# Name a metric when data.py gives labels:
# [metric]
# name = "top1"

[[model]]
file = "models/{name}.tflite"

# Limits, each of them optional:
# [checks.accuracy]
# min = 0.9
# [checks.latency]
# max_instructions = 2_000_000  # emulated boards
# max_ms = 10.0                 # real boards
# [checks.arena]
# max_bytes = 20_000
# [checks.flash]
# max_bytes = 100_000
"""


def _data_py(model: ModelInfo) -> str:
    single = len(model.inputs) == 1
    lines = []
    for tensor in model.input_tensors:
        key = "x" if single else f"x:{tensor.name}"
        shape = ", ".join(str(size) for size in ("VECTORS", *tensor.shape[1:]))
        dtype = tensor.numpy_dtype or "float32"
        low, high = ("-128", "128") if dtype == "int8" else ("0", "256")
        value = (
            f"random.uniform(-1, 1, ({shape},)).astype(np.{dtype})"
            if dtype.startswith("float")
            else f"random.integers({low}, {high}, ({shape},)).astype(np.{dtype})"
        )
        lines.append(f"        {key!r}: {value},")
    body = "\n".join(lines)
    return f'''\
"""Test vectors of the suite. Replace the random ones by data of yours."""

import numpy as np

VECTORS = 50


def test_data():
    """Inputs `x` of N x input shape, and labels `y` of length N if there are any."""
    random = np.random.default_rng(0)
    return {{
{body}
    }}
'''


def doctor() -> None:
    """Check what is installed and connected. Exit code 1 when something needed is missing."""
    console = Console(highlight=False)
    needed: tuple[tuple[str, Callable[[], str]], ...] = (
        ("compiler", lambda: toolchain.find_toolchain().version),
        ("cmake", lambda: toolchain.program_version(toolchain.require("cmake"))),
        ("ninja", lambda: "ninja " + toolchain.program_version(toolchain.require("ninja"))),
        ("cargo", lambda: toolchain.program_version(toolchain.require("cargo"))),
        ("TFLM source", lambda: locate_tflm().origin),
        ("emulated board", _emulator_text),
        ("host TFLM", lambda: _package("tflite-micro")),
        ("LiteRT", lambda: _package("ai-edge-litert")),
        ("pyOCD", lambda: _package("pyocd")),
        ("cache folder", _cache_text),
    )
    complete = True
    for name, look in needed:
        try:
            console.print(Text("ok      ", "green") + Text(f"{name}: {look()}"), soft_wrap=True)
        except HilError as error:
            complete = False
            line = Text("missing ", "bold red") + Text(f"{name}: {error.message}")
            console.print(line, soft_wrap=True)
            if error.hint:
                console.print(f"        {error.hint}", markup=False, soft_wrap=True)
    for found in (*_probes(), *_serial_ports()):
        console.print(found, markup=False, soft_wrap=True)
    if not complete:
        raise typer.Exit(1)


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError as error:
        raise ConfigError(f"{name} is not installed", hint=f"pip install {name}") from error


def _emulator_text() -> str:
    load_core()
    require_unicorn()
    return f"{_package('unicorn')}, core {core_path().name}"


def _cache_text() -> str:
    root = Cache().root
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / ".doctor"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise ConfigError(f"{root} is not writable: {error.strerror}") from error
    return str(root)


def _probes() -> list[str]:
    try:
        found = connected_probes()
    except HilError as error:
        return [f"        debug probes: pyOCD cannot tell: {error.message}"]
    if not found:
        return ["        debug probes: none connected (emulated boards need none)"]
    return [f"        debug probe {p['id']}: {p['vendor']} {p['product']}" for p in found]


def _serial_ports() -> list[str]:
    from serial.tools import list_ports

    ports = sorted(list_ports.comports(), key=lambda port: str(port.device))
    usb = [port for port in ports if port.vid is not None]
    if not usb:
        return ["        serial ports: no USB serial port"]
    return [f"        serial port {port.device}: {port.description}" for port in usb]
