"""Compiles the harness's files that know TFLM against a tree's headers, without making code."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hil.firmware.operator_units import write_units
from hil.link.c_header import protocol_header
from hil.resources import firmware_harness_dir
from hil.tflm.generation import Generation, Operator

FILES = ("src/engine_tflm.cc", "src/operators.cc")
TIMEOUT_S = 600


def complaints(root: Path, generation: Generation, folder: Path) -> str:
    """What the compiler has against them, "" when nothing; `folder` is for generated headers."""
    harness = firmware_harness_dir()
    (folder / "protocol.h").write_text(protocol_header())
    operators = [
        Operator("CONV_2D", {"": "Register_CONV_2D"}, "AddConv2D"),
        Operator("FULLY_CONNECTED", {"INT8": "Register_FULLY_CONNECTED"}, "AddFullyConnected"),
        Operator("Custom", {"": "Register_CONV_2D"}, "AddConv2D", is_custom=True),
    ]
    units = write_units(folder / "units", generation, operators)
    command = [
        *("arm-none-eabi-g++", "-fsyntax-only", "-mcpu=cortex-m7", "-mthumb", "-O2"),
        *("-fno-rtti", "-fno-exceptions", "-funsigned-char", "-Wall", "-Wextra", "-Werror"),
        f"-std=c++{generation.standard}",
        *(f"-D{each}" for each in generation.defines),
        *(f"-isystem{root / each}" for each in generation.include_dirs),
        *(f"-isystem{harness / 'tflm' / each}" for each in generation.stub_dirs),
        *(f"-I{harness / 'tflm' / each}" for each in (generation.compat, "common")),
        *(f"-I{harness / each}" for each in ("src", "ports/stm32f7")),
        f"-I{folder}",
        *(str(path) for path in (*(harness / name for name in FILES), *units)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    return done.stderr if done.returncode else ""
