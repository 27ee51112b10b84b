"""Boards that the user names: a probe that pyOCD sees and a serial port."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from hil.bench.emulated import probe_settings
from hil.child import ChildProcess
from hil.emulator.instruction_trace import InstructionTrace
from hil.emulator.protocol import PROBE_PREFIX, BoardRecord, boards_dir
from hil.flash.flasher import Flasher
from hil.flash.pyocd_flasher import MODULE, PyocdFlasher
from hil.link.port import Port, SerialPort
from hil.target import Target
from hil.vocab import Kind


class NamedBoard:
    """A board on the user's desk or bench, or an emulated one that was started by hand."""

    def __init__(self, target: Target, probe_id: str, port_url: str) -> None:
        self.id = probe_id
        self.kind = Kind.EMULATED if probe_id.startswith(PROBE_PREFIX) else Kind.HARDWARE
        self._target = target
        self._port_url = port_url
        self._child = ChildProcess(MODULE)

    @cached_property
    def flasher(self) -> Flasher:
        """See Board."""
        delay_s = 0.0 if self.kind is Kind.EMULATED else self._target.probe.reset_post_delay_s
        return PyocdFlasher(probe_settings(self._target, self.id, delay_s), self._child)

    def warm_up(self) -> None:
        """See Board."""
        self._child.start()

    def open_port(self) -> Port:
        """See Board."""
        serial = self._target.serial
        return SerialPort(self._port_url, serial.baud, dtr=serial.dtr, rts=serial.rts)

    def diagnosis(self) -> str:
        """See Board."""
        return ""

    def executed_instructions(self) -> int | None:
        """See Board."""
        return None

    def instruction_trace(self, marks: Sequence[int]) -> InstructionTrace | None:
        """See Board."""
        listed = boards_dir() / f"{self.id}.json"
        if self.kind is Kind.HARDWARE or not listed.is_file():
            return None
        return InstructionTrace(BoardRecord.parse(listed.read_text()), marks)

    def close(self) -> None:
        """See Board."""
        self._child.close()
