"""The programs an image is built with."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache

from hil.errors import BuildError

DEBIAN_PACKAGES = {
    "arm-none-eabi-g++": "gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib",
    "cmake": "cmake",
    "ninja": "ninja-build",
    "cargo": "cargo (1.70 or newer; cargo-web on Debian 12)",
}
VERSION_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Toolchain:
    """The compiler: `version` is its first line, part of an image's identity."""

    compiler: str
    version: str


def require(program: str) -> str:
    """Full path of a program. Raises BuildError that says which package has it."""
    path = shutil.which(program)
    if path is None:
        package = DEBIAN_PACKAGES.get(program, program)
        raise BuildError(f"{program} is not installed", hint=f"sudo apt-get install {package}")
    return path


@cache
def find_toolchain() -> Toolchain:
    """The GNU toolchain for Arm, and checks that CMake and Ninja are there. Raises BuildError."""
    compiler = require("arm-none-eabi-g++")
    require("cmake")
    require("ninja")
    return Toolchain(compiler, program_version(compiler))


def program_version(path: str) -> str:
    """First line of what `--version` prints. Raises BuildError when the program does not run."""
    try:
        done = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"{path} does not run: {error}") from error
    return done.stdout.splitlines()[0].strip() if done.stdout else ""
