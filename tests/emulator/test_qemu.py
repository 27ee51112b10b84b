"""A second opinion, QEMU's model: exceptions, faults, floating point, and random programs."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.emulator.programs import ProgramBoard, compile_for_both, run_on_qemu
from tests.emulator.thumb.generator import Generator
from tests.emulator.thumb.qemu import QEMU_PLACES, QemuBench

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated, pytest.mark.qemu]

# Stack overflow (6) and gaps between peripherals (11) depend on the memory map, lockup ends QEMU.
RANDOM_SEED, RANDOM_PROGRAMS = "qemu", 500
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


def test_qemu_executes_random_programs_as_our_model_does(tmp_path: Path) -> None:
    bench = QemuBench(tmp_path)
    try:
        for index in range(RANDOM_PROGRAMS):
            choices = Random(f"{RANDOM_SEED}/{index}")
            program = Generator(choices, QEMU_PLACES).program()
            try:
                bench.compare(program, choices)
            except Exception as difference:
                pytest.fail(f"program {index}\n{program}\n{difference}")
    finally:
        bench.close()
