"""Emulated boards: a process each, private to who started it."""

from __future__ import annotations

import contextlib
import itertools
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import IO, Any

from hil.child import ChildProcess
from hil.emulator.connection import board_counters
from hil.emulator.instruction_trace import InstructionTrace
from hil.emulator.protocol import BOARDS_DIR_VARIABLE, PROBE_PREFIX, REFUSED, BoardRecord
from hil.errors import BenchError
from hil.flash.flasher import Flasher
from hil.flash.pyocd_flasher import MODULE, ProbeSettings, PyocdFlasher
from hil.link.port import Port, SerialPort
from hil.target import Target
from hil.vocab import Kind

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
READ_BYTES = 4096

_numbers = itertools.count(1)


def board_arguments(target: Target, probe_id: str) -> list[str]:
    """Arguments of the board process for a target: its chip and its wiring. Raises BenchError."""
    if target.mcu.chip is None:
        raise BenchError(
            f"{target.name} cannot be emulated: its file names no chip",
            hint="use a real board: --hil-probe=UID --hil-port=PORT",
        )
    wiring = {
        "--probe-id": probe_id,
        "--chip": target.mcu.chip,
        "--hse-hz": str(target.clock.hse_hz),
        "--serial": target.serial.instance,
        "--tx": target.serial.tx,
        "--rx": target.serial.rx,
    }
    arguments = [part for pair in wiring.items() for part in pair]
    return [*arguments, "--hse-bypass"] if target.clock.hse_bypass else arguments


class BoardProcess:
    """A running board process. It ends when this object is closed or its owner dies."""

    def __init__(
        self, arguments: list[str], boards_dir: Path | None = None, *, show_errors: bool = False
    ) -> None:
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        environment = dict(os.environ)
        if boards_dir is not None:
            environment[BOARDS_DIR_VARIABLE] = str(boards_dir)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hil.emulator.process", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if show_errors else self._stderr,
            env=environment,
            start_new_session=True,
        )

    @cached_property
    def record(self) -> BoardRecord:
        """What the board announced. Waits for it; raises BenchError when it does not start."""
        assert self._process.stdout is not None
        deadline = monotonic() + START_TIMEOUT_S
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - monotonic())):
                    raise BenchError("the emulated board does not start", step="start")
                data = os.read(self._process.stdout.fileno(), READ_BYTES)
                if not data:
                    raise self._start_error()
                line += data
        return BoardRecord.parse(line.decode())

    @property
    def refusal(self) -> str:
        """What the board stopped itself for, "" when it did not."""
        refusals = [line for line in self._said() if line.startswith(REFUSED)]
        return refusals[-1].removeprefix(REFUSED) if refusals else ""

    def _said(self) -> list[str]:
        self._stderr.seek(0)
        return self._stderr.read().decode("utf-8", "replace").splitlines()

    def _start_error(self) -> BenchError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
        lines = self._said()
        message, hint = "the emulated board does not start", ""
        for line in lines:
            if line.startswith("hint: "):
                hint = line.removeprefix("hint: ")
        reason = [line for line in lines if line and not line.startswith("hint: ")]
        return BenchError(message, hint=hint, detail="\n".join(reason[-5:]), step="start")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def close(self) -> None:
        """Ends the board."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._stderr.close()


class EmulatedBoard:
    """A private emulated board of a target. Starting it begins at once, in the background."""

    kind = Kind.EMULATED

    def __init__(
        self,
        target: Target,
        extra_arguments: tuple[str, ...] = (),
        flasher_child: ChildProcess | None = None,
    ) -> None:
        self.id = f"{PROBE_PREFIX}{target.name}-{os.getpid()}-{next(_numbers)}"
        self._target = target
        self._folder = Path(tempfile.mkdtemp(prefix="hil-bench-"))
        self._process = BoardProcess(
            [*board_arguments(target, self.id), *extra_arguments], self._folder
        )
        # A child that is given stays its owner's: it outlives this board, warm for the next.
        self._child = flasher_child or ChildProcess(MODULE)
        self._owns_child = flasher_child is None

    @property
    def process(self) -> BoardProcess:
        """The process it runs in."""
        return self._process

    @cached_property
    def flasher(self) -> Flasher:
        """See Board."""
        settings = probe_settings(self._target, self._process.record.probe_id, 0.0)
        return PyocdFlasher(replace(settings, boards_dir=str(self._folder)), self._child)

    def warm_up(self) -> None:
        """See Board."""
        self._child.start()

    def open_port(self) -> Port:
        """See Board."""
        serial = self._target.serial
        return SerialPort(self._process.record.port, serial.baud, dtr=serial.dtr, rts=serial.rts)

    def diagnosis(self) -> str:
        """See Board."""
        refusal = self._process.refusal
        return f"the emulated board stopped: {refusal}" if refusal else ""

    def executed_instructions(self) -> int | None:
        """See Board."""
        try:
            return board_counters(self._process.record)["instructions"]
        except OSError:
            return None

    def instruction_trace(self, marks: Sequence[int]) -> InstructionTrace:
        """See Board."""
        return InstructionTrace(self._process.record, marks)

    def close(self) -> None:
        """See Board."""
        try:
            if self._owns_child:
                self._child.close()
            else:
                self.flasher.close()
            self._process.close()
        finally:  # also when Ctrl-C comes meanwhile
            shutil.rmtree(self._folder, ignore_errors=True)


def probe_settings(target: Target, probe_id: str, reset_post_delay_s: float) -> ProbeSettings:
    """How pyOCD reaches a board of `target`."""
    return ProbeSettings(
        probe_id=probe_id,
        pyocd_target=target.probe.pyocd_target,
        frequency_hz=target.probe.frequency_hz,
        connect_mode=target.probe.connect_mode,
        reset_post_delay_s=reset_post_delay_s,
        chip_id_address=target.mcu.chip_id.address,
        chip_id_mask=target.mcu.chip_id.mask,
        chip_id_value=target.mcu.chip_id.value,
        **_unlocked_settings(target),
    )


def _unlocked_settings(target: Target) -> dict[str, Any]:
    unlocked = target.mcu.unlocked
    if unlocked is None:
        return {}
    return {
        "unlocked_address": unlocked.address,
        "unlocked_mask": unlocked.mask,
        "unlocked_value": unlocked.value,
    }
