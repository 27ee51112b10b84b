"""`hil targets`, `hil emulate`, `hil flash`: boards."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hil.bench.emulated import BoardProcess, board_arguments, probe_settings
from hil.child import ChildProcess
from hil.cli.options import DEFAULT_TARGET, Port, TargetName
from hil.device import Device
from hil.emulator.protocol import PROBE_PREFIX, boards_dir
from hil.errors import BenchError
from hil.firmware.image import read_image
from hil.flash.pyocd_flasher import MODULE, PyocdFlasher
from hil.link.client import LinkClient
from hil.link.port import SerialPort
from hil.target import load_target, target_names


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("targets")(targets)
    app.command("emulate")(emulate)
    app.command("flash")(flash)


def targets() -> None:
    """List the targets there are."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("target", "board", "core clock", "flash", "RAM", "emulated"):
        table.add_column(heading, no_wrap=True)
    for name in target_names():
        target = load_target(name)
        table.add_row(
            name,
            target.description.split(":")[0],
            f"{target.clock.core_clock_hz / 1e6:g} MHz",
            f"{target.flash.bytes >> 10} KiB",
            f"{target.ram_bytes >> 10} KiB",
            "yes" if target.mcu.chip else "no",
        )
    Console(highlight=False).print(table)


def emulate(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="board type")] = DEFAULT_TARGET,
    tcp: Annotated[
        bool, typer.Option("--tcp", help="serial on socket:// instead of a pty")
    ] = False,
    paced: Annotated[
        bool, typer.Option("--paced", help="serial bytes take the time they take at the baud rate")
    ] = False,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="forgive foreign firmware what silicon does not")
    ] = False,
) -> None:
    """Start an emulated board and keep it until Ctrl-C.

    pyOCD finds it under the probe id printed, any terminal program under the port.
    """
    board_type = load_target(target)
    probe_id = _free_probe_id(target)
    arguments = board_arguments(board_type, probe_id)
    arguments += ["--tcp"] if tcp else []
    arguments += ["--paced"] if paced else []
    arguments += ["--lenient"] if lenient else []
    process = BoardProcess(arguments, show_errors=True)
    try:
        record = process.record
        typer.echo(f"probe {record.probe_id}")
        typer.echo(f"port  {record.port}")
        typer.echo(f"pyOCD target {board_type.probe.pyocd_target}, {board_type.serial.baud:,} baud")
        typer.echo(
            f"try:  hil run MODEL.tflite --target {target} "
            f"--probe {record.probe_id} --port {record.port}"
        )
        typer.echo("Ctrl-C ends it")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        process.close()


def _free_probe_id(target: str) -> str:
    """A probe id with the first number that no running board has."""
    for number in itertools.count(1):
        probe_id = f"{PROBE_PREFIX}{target}-{number}"
        if not (boards_dir() / f"{probe_id}.json").exists():
            return probe_id
    raise AssertionError("unreachable")


def flash(
    image_file: Annotated[Path, typer.Argument(metavar="IMAGE.elf", help="from `hil build`")],
    probe: Annotated[str, typer.Option("--probe", metavar="UID", help="the board's debug probe")],
    target: TargetName = DEFAULT_TARGET,
    port: Port = None,
) -> None:
    """Program an image and read it back; with --port also ask it who it is."""
    board_type = load_target(target)
    image = read_image(image_file)
    if image.manifest["target"] != target:
        raise BenchError(
            f"{image_file} was built for {image.manifest['target']}, not {target}",
            hint="build it again for this target",
        )
    delay_s = 0.0 if probe.startswith(PROBE_PREFIX) else board_type.probe.reset_post_delay_s
    child = ChildProcess(MODULE)
    flasher = PyocdFlasher(probe_settings(board_type, probe, delay_s), child)
    try:
        report = flasher.program(image.path)
        typer.echo(
            f"programmed and read back {report.verified_bytes:,} bytes "
            f"in {report.duration_s:.2f} s (chip id {report.chip_id:#010x})"
        )
        serial = SerialPort(port, board_type.serial.baud) if port else None
        flasher.reset()
        if serial is not None:
            device = Device(LinkClient(serial))
            reply = device.hello(image, board_type)
            typer.echo(f"{reply.target_name} answers at {reply.core_clock_hz:,} Hz")
            device.close()
    finally:
        child.close()
