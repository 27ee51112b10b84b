"""Serial ports: anything pyserial opens, a pseudo-terminal of the emulated board included."""

from __future__ import annotations

import errno
from pathlib import Path
from time import monotonic
from typing import Protocol

import serial

from hil.errors import BenchError, PortLost

READ_SLICE_S = 0.05
WRITE_TIMEOUT_S = 5.0


class Port(Protocol):
    """A byte stream to the board."""

    def read(self, timeout_s: float) -> bytes:
        """The bytes that have come, at least one; nothing when none comes within `timeout_s`."""

    def write(self, data: bytes) -> None:
        """Sends all of `data`."""

    def close(self) -> None:
        """Releases the port."""


class SerialPort:
    """A port that pyserial opens: a device, `socket://`, `rfc2217://`.

    Raises BenchError when it cannot be opened, PortLost when it goes away later.
    """

    def __init__(
        self, url: str, baud: int, *, dtr: bool | None = None, rts: bool | None = None
    ) -> None:
        self.url = url
        try:
            self._serial = serial.serial_for_url(
                url, baud, timeout=READ_SLICE_S, write_timeout=WRITE_TIMEOUT_S, do_not_open=True
            )
            if "://" not in url:
                self._serial.exclusive = True
            # Set before opening: on some boards these lines are wired to reset.
            if dtr is not None:
                self._serial.dtr = dtr
            if rts is not None:
                self._serial.rts = rts
            self._serial.open()
        except (serial.SerialException, OSError, ValueError) as error:
            raise _open_error(url, error) from error

    def read(self, timeout_s: float) -> bytes:
        """See Port."""
        deadline = monotonic() + timeout_s
        try:
            while True:
                data: bytes = self._serial.read(max(1, self._serial.in_waiting))
                if data:
                    return data + bytes(self._serial.read(self._serial.in_waiting))
                if monotonic() >= deadline:
                    return data
        except (serial.SerialException, OSError) as error:
            raise PortLost(f"{self.url} went away: {error}", step="link") from error

    def write(self, data: bytes) -> None:
        """See Port."""
        try:
            self._serial.write(data)
        except (serial.SerialException, OSError) as error:
            raise PortLost(f"{self.url} takes no more bytes: {error}", step="link") from error

    def close(self) -> None:
        """See Port."""
        self._serial.close()


def _open_error(url: str, error: Exception) -> BenchError:
    code = getattr(error, "errno", None)
    text = str(error)
    hint = "check the cable and the port's name"
    if code == errno.ENOENT or "No such file" in text:
        ports = sorted(str(path) for path in Path("/dev/serial/by-id").glob("*"))
        hint = "present: " + (", ".join(ports) if ports else "no USB serial port at all")
    elif code == errno.EACCES or "Permission" in text:
        hint = "add yourself to the group that owns it: sudo usermod -aG dialout $USER"
    elif code in (errno.EBUSY, errno.EAGAIN) or "lock" in text or "busy" in text:
        hint = "another program has it open: close the terminal or the other test run"
    return BenchError(f"cannot open serial port {url}: {text}", hint=hint, step="link")
