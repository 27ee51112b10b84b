"""A second opinion on exceptions, faults and floating point: the same program on QEMU's model."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.programs import ProgramBoard, compile_for_both, run_on_qemu

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated, pytest.mark.qemu]

# Stack overflow (6) and gaps between peripherals (11) depend on the memory map, lockup ends QEMU.
FAULTS = (1, 2, 3, 4, 5, 7, 10, 12, 13, 14, 15, 16, 17, 18, 19)


@pytest.mark.parametrize(
    ("name", "defines"),
    [("exceptions", ()), ("operands", ()), *(("faults", (f"FAULT={n}",)) for n in FAULTS)],
)
def test_qemu_says_the_same(name: str, defines: tuple[str, ...], tmp_path: Path) -> None:
    elf = compile_for_both(name, tmp_path, defines)
    program = ProgramBoard(elf)
    ours = program.run()
    program.close()
    assert run_on_qemu(elf) == ours
