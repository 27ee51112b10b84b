"""Compiles the harness's files that know TFLM against a tree's headers, without making code."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hil.link.c_header import protocol_header
from hil.resources import firmware_harness_dir
from hil.tflm.generation import Generation

FILES = ("src/engine_tflm.cc", "image/operators.cc")
MODEL_CONFIG = """#define HIL_OPERATOR_COUNT 2
#define HIL_ADD_OPERATORS(resolver) \\
  resolver.AddConv2D(); resolver.AddFullyConnected(tflite::Register_FULLY_CONNECTED());
#define HIL_OPERATORS(X) X(CONV_2D) X(FULLY_CONNECTED)
#define HIL_CUSTOM_OPERATORS(X) X(0, "Custom")
"""
TIMEOUT_S = 600


def complaints(root: Path, generation: Generation, folder: Path) -> str:
    """What the compiler has against them, "" when nothing; `folder` is for generated headers."""
    harness = firmware_harness_dir()
    (folder / "protocol.h").write_text(protocol_header())
    (folder / "model_config.h").write_text(MODEL_CONFIG)
    command = [
        *("arm-none-eabi-g++", "-fsyntax-only", "-mcpu=cortex-m7", "-mthumb", "-O2"),
        *("-fno-rtti", "-fno-exceptions", "-funsigned-char", "-Wall", "-Wextra", "-Werror"),
        f"-std=c++{generation.standard}",
        *(f"-D{each}" for each in generation.defines),
        *(f"-isystem{root / each}" for each in generation.include_dirs),
        *(f"-isystem{harness / 'tflm' / each}" for each in generation.stub_dirs),
        *(f"-I{harness / each}" for each in (f"tflm/{generation.compat}", "src", "ports/stm32f7")),
        f"-I{folder}",
        *(str(harness / name) for name in FILES),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    return done.stderr if done.returncode else ""
