"""What the harness adds to TFLM, and whether it reaches into the measured window."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

from benchmarks import rig
from benchmarks.figure import Figure
from hil.firmware.footprint import Owner, read_footprint


def figures() -> Iterator[Figure]:
    """Flash and static RAM of the harness alone; instructions between the two counter reads."""
    image = rig.image("har_int8")
    footprint = read_footprint(image.path, rig.builder().tflm.kernel_files)
    yield Figure("harness in flash", "bytes", [footprint.flash_bytes[Owner.HARNESS]], at_most=10239)
    yield Figure(
        "harness in RAM besides arena, stack",
        "bytes",
        [footprint.ram_bytes[Owner.HARNESS]],
        at_most=4095,
    )
    yield Figure(
        "calls between the counter reads besides Invoke", "", [_foreign_calls()], at_most=0
    )


def _foreign_calls() -> int:
    """Calls other than to Invoke between the two reads of CYCCNT, by disassembly."""
    image = rig.image("har_int8")
    text = subprocess.run(
        ["arm-none-eabi-objdump", "-dC", "--no-show-raw-insn", image.path],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    function = re.search(r"<hil::EngineInvoke\(\)>:\n(.*?)\n\n", text, re.S)
    assert function, "EngineInvoke is not in the image"
    body = function[1].splitlines()
    barriers = [i for i, line in enumerate(body) if "isb" in line]
    assert len(barriers) == 2, "the window has two barriers, each followed by a counter read"
    window = body[barriers[0] : barriers[1]]
    calls = [line for line in window if re.search(r"\bblx?\b", line)]
    assert any("Invoke" in line for line in calls), "Invoke is called within the window"
    return sum("Invoke" not in line for line in calls)
