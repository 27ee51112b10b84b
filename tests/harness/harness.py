"""The portable firmware core as a host program, reached through pipes."""

from __future__ import annotations

import os
import selectors
import subprocess
from pathlib import Path

from hil.link.c_header import protocol_header
from hil.resources import firmware_harness_dir

EXIT_TIMEOUT_S = 10.0


def build_harness(folder: Path) -> Path:
    """Compiles the program with sanitizers."""
    (folder / "protocol.h").write_text(protocol_header())
    build = folder / "build"
    source = firmware_harness_dir() / "tests"
    configure: list[str | Path] = ["cmake", "-G", "Ninja", "-S", source, "-B", build]
    configure.append(f"-DHIL_CONFIG_DIR={folder}")
    subprocess.run(configure, check=True, capture_output=True)
    subprocess.run(["ninja", "-C", build], check=True, capture_output=True)
    return build / "harness_host"


class HarnessPort:
    """A Port to the program. Closing it tells whether the sanitizers were content."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def read(self, timeout_s: float) -> bytes:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                return b""
        return os.read(self._process.stdout.fileno(), 1 << 16)

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def close(self) -> None:
        """Ends the program, and asserts that it ended well: that is the sanitizers' verdict."""
        if self._process.returncode is None:
            _, errors = self._process.communicate(timeout=EXIT_TIMEOUT_S)
            assert self._process.returncode == 0, errors.decode()
