"""Runs CMake and Ninja, with progress, time limits, and errors that show what the compiler said."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.errors import BuildError
from hil.firmware.toolchain import require
from hil.resources import firmware_harness_dir

ERROR_LINES = 15
READ_BYTES = 65536
_LINKER_PATH = re.compile(r"^/\S*[/-]ld(?:\.\w+)?: ")

Progress = Callable[[int, int], None]
Definition = str | Path | Sequence[str]


@dataclass(frozen=True)
class TimeLimits:
    """How long CMake and Ninja may each take.

    A busy machine is no error: as long as files get done, only the generous `total_s` holds.
    """

    without_progress_s: float = 600.0
    total_s: float = 7200.0


DEFAULT_LIMITS = TimeLimits()


def build(
    stage: str,
    build_dir: Path,
    definitions: Mapping[str, Definition],
    log: Path,
    on_progress: Progress | None = None,
    limits: TimeLimits = DEFAULT_LIMITS,
) -> None:
    """Configures and builds a stage of the firmware in `build_dir`.

    `log` gets everything the tools print. Raises BuildError with their last lines, or with how far
    they came when they take longer than `limits`.
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
    _run(configure, f"configure {stage}", log, None, limits)
    ninja = [require("ninja"), "-C", str(build_dir)]
    _run(ninja, f"build {stage}", log, on_progress, limits)


def _text(value: Definition) -> str:
    if isinstance(value, str | Path):
        return str(value)
    return ";".join(value)


def _run(
    command: list[str],
    step: str,
    log: Path,
    on_progress: Progress | None,
    limits: TimeLimits,
) -> None:
    lines: list[str] = []
    where = ""
    with log.open("a", encoding="utf-8") as record:
        record.write("$ " + " ".join(command) + "\n")
        # A session of its own: Ninja's compilers end with it.
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                for line in _lines(process, limits):
                    record.write(line)
                    lines.append(line.rstrip())
                    counts = _count(line)
                    if counts is not None:
                        where = f" at {counts[0]} of {counts[1]} files"
                        if on_progress is not None:
                            on_progress(*counts)
            except _TimedOut as error:
                _kill(process)
                raise BuildError(
                    f"{error}{where}",
                    step=step,
                    hint=f"is the compiler stuck, or memory short? the whole log: {log}",
                ) from None
            except BaseException:
                _kill(process)
                raise
    if process.returncode:
        raise BuildError(
            f"{Path(command[0]).name} failed (exit code {process.returncode})",
            step=step,
            detail="\n".join(_error_lines(lines)),
            hint=f"the whole log: {log}",
        )


class _TimedOut(Exception):
    """A program took longer than its limits allow; the message says which limit it was."""


def _lines(process: subprocess.Popen[bytes], limits: TimeLimits) -> Iterator[str]:
    """What the process prints, line by line, until it has ended. Raises _TimedOut."""
    assert process.stdout is not None
    end_s = time.monotonic() + limits.total_s
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            remaining_s = end_s - time.monotonic()
            if remaining_s <= 0:
                raise _TimedOut(f"timed out after {limits.total_s:g} s")
            if not selector.select(min(limits.without_progress_s, remaining_s)):
                if remaining_s > limits.without_progress_s:
                    raise _TimedOut(
                        f"timed out after {limits.without_progress_s:g} s without progress"
                    )
                continue
            block = os.read(process.stdout.fileno(), READ_BYTES)
            if not block:
                break
            *whole, rest = (rest + block).split(b"\n")
            yield from (line.decode("utf-8", "replace") + "\n" for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace")
    try:
        process.wait(limits.without_progress_s)
    except subprocess.TimeoutExpired:
        raise _TimedOut(
            f"timed out {limits.without_progress_s:g} s after its last output"
        ) from None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends what is left of the process and of those it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _count(line: str) -> tuple[int, int] | None:
    """(files done, files in all) in a status line of Ninja."""
    match = re.match(r"\[(\d+)/(\d+)\]", line)
    return (int(match[1]), int(match[2])) if match else None


def _error_lines(lines: list[str]) -> list[str]:
    """The lines from the first error on, else the last ones; compiler commands left out."""
    lines = [_LINKER_PATH.sub("ld: ", line) for line in lines]
    shown = [line for line in lines if line and not line.startswith(("[", "/", ":", "ninja:"))]
    first = next((i for i, line in enumerate(shown) if _is_error(line)), None)
    start = max(0, len(shown) - ERROR_LINES) if first is None else first
    return shown[start : start + ERROR_LINES]


def _is_error(line: str) -> bool:
    is_linkers = line.startswith("ld: ") and "warning:" not in line
    return is_linkers or "rror:" in line or "rror at" in line
