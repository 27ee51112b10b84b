"""The portable firmware core as a host program, reached through pipes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hil.link.c_header import protocol_header
from hil.link.pipe import PipePort
from hil.resources import firmware_harness_dir


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


class HarnessPort(PipePort):
    """A Port to the program. Closing it tells whether the sanitizers were content."""

    def close(self) -> None:
        """Ends the program, and asserts that it ended well: that is the sanitizers' verdict."""
        if not self.has_ended:
            code, errors = self.finish()
            assert code == 0, errors
