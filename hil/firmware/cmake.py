"""Runs CMake and Ninja, with progress, a deadline, and errors that show what the compiler said."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hil.errors import BuildError
from hil.firmware.toolchain import require
from hil.resources import firmware_harness_dir

TIMEOUT_S = 600.0
ERROR_LINES = 15

Progress = Callable[[int, int], None]
Definition = str | Path | Sequence[str]


def build(
    stage: str,
    build_dir: Path,
    definitions: Mapping[str, Definition],
    log: Path,
    on_progress: Progress | None = None,
) -> None:
    """Configures and builds a stage of the firmware in `build_dir`.

    `log` gets everything the tools print. Raises BuildError with their last lines.
    """
    harness = firmware_harness_dir()
    configure = [
        require("cmake"),
        "-G",
        "Ninja",
        "-S",
        str(harness),
        "-B",
        str(build_dir),
        f"-DHIL_STAGE={stage}",
        *[f"-D{name}={_text(value)}" for name, value in definitions.items()],
    ]
    _run(configure, stage, log, None)
    _run([require("ninja"), "-C", str(build_dir)], stage, log, on_progress)


def _text(value: Definition) -> str:
    if isinstance(value, str | Path):
        return str(value)
    return ";".join(value)


def _run(command: list[str], stage: str, log: Path, on_progress: Progress | None) -> None:
    with log.open("a", encoding="utf-8") as record:
        record.write("$ " + " ".join(command) + "\n")
        lines: list[str] = []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            assert process.stdout is not None
            timer = threading.Timer(TIMEOUT_S, process.kill)
            timer.start()
            try:
                for line in process.stdout:
                    record.write(line)
                    lines.append(line.rstrip())
                    _report(line, on_progress)
            except BaseException:
                process.kill()
                raise
            finally:
                timed_out = not timer.is_alive()
                timer.cancel()
    if timed_out:
        raise BuildError(f"no end after {TIMEOUT_S:g} s", step=f"build {stage}")
    if process.returncode:
        raise BuildError(
            f"{Path(command[0]).name} failed (exit code {process.returncode})",
            step=f"build {stage}",
            detail="\n".join(_error_lines(lines)),
            hint=f"the whole log: {log}",
        )


def _report(line: str, on_progress: Progress | None) -> None:
    match = re.match(r"\[(\d+)/(\d+)\]", line)
    if match and on_progress is not None:
        on_progress(int(match[1]), int(match[2]))


def _error_lines(lines: list[str]) -> list[str]:
    """The lines from the first error on, else the last ones; compiler commands left out."""
    shown = [line for line in lines if line and not line.startswith(("[", "/", ":", "ninja:"))]
    first = next((i for i, line in enumerate(shown) if "rror:" in line or "rror at" in line), None)
    start = max(0, len(shown) - ERROR_LINES) if first is None else first
    return shown[start : start + ERROR_LINES]
