"""A program on this host that speaks the link's protocol on its standard input and output."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from pathlib import Path

from hil.errors import PortLost

EXIT_TIMEOUT_S = 10.0
READ_BYTES = 1 << 16


class PipePort:
    """A Port to the program, which it starts. The program ends when its input does."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def has_ended(self) -> bool:
        """Whether the program is known to have ended."""
        return self._process.returncode is not None

    def read(self, timeout_s: float) -> bytes:
        """See Port. Raises PortLost when the program has ended."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                return b""
        data = os.read(self._process.stdout.fileno(), READ_BYTES)
        if not data:
            raise PortLost("the host's build of the firmware ended", step="link")
        return data

    def write(self, data: bytes) -> None:
        """See Port."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise PortLost("the host's build of the firmware ended", step="link") from error

    def finish(self) -> tuple[int, str]:
        """Ends the program; its exit code and what it wrote to standard error."""
        try:
            _, errors = self._process.communicate(timeout=EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, errors = self._process.communicate()
        return self._process.returncode, errors.decode("utf-8", "replace")

    def kill(self) -> None:
        """Ends the program and what it started, at once; may be called from another thread."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """See Port."""
        if not self.has_ended:
            with contextlib.suppress(BrokenPipeError):
                self.finish()
