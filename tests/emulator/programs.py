"""Compiles and runs the test programs in `firmware/` on an emulated chip, without a debugger."""

from __future__ import annotations

import hashlib
import os
import pty
import struct
import subprocess
import tty
from collections.abc import Sequence
from pathlib import Path

from elftools.elf.elffile import ELFFile

from hil.emulator.board import Board, Wiring
from hil.emulator.chip import load_chip

SOURCES = Path(__file__).parent / "firmware"
FLAGS = [
    "-mcpu=cortex-m7",
    "-mthumb",
    "-mfpu=fpv5-sp-d16",
    "-mfloat-abi=hard",
    "-O2",
    "-Wall",
    "-ffreestanding",
    "-nostdlib",
    f"-T{SOURCES / 'sections.ld'}",
]
RESULT_COUNT = 32
RUN_TIMEOUT_S = 30.0
WIRING = Wiring(hse_hz=25_000_000, serial="USART1", tx="PA9", rx="PB7")


# A Cortex-M4 with the same memory map as far as the programs go.
QEMU_MACHINE = "netduinoplus2"
QEMU_FLAGS = ["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-DSEMIHOSTING"]


def compile_program(
    name: str, folder: Path, defines: Sequence[str] = (), extra_flags: Sequence[str] = ()
) -> Path:
    """The ELF file of `firmware/NAME.c`."""
    tag = hashlib.sha256(" ".join([*defines, *extra_flags]).encode()).hexdigest()[:8]
    elf = folder / f"{name}-{tag}.elf"
    sources = [SOURCES / "runtime.c", SOURCES / f"{name}.c"]
    defined = [f"-D{define}" for define in defines]
    subprocess.run(
        ["arm-none-eabi-gcc", *FLAGS, *extra_flags, *defined, *sources, "-o", elf], check=True
    )
    return elf


class ProgramBoard:
    """A board in this process that runs one program to its end."""

    def __init__(self, elf: Path, *, lenient: bool = False) -> None:
        self._line, other = pty.openpty()
        tty.setraw(other)
        os.set_blocking(self._line, False)
        self.port = os.ttyname(other)
        os.close(other)
        self.board = Board(load_chip("stm32f746"), WIRING, self._line, lenient=lenient)
        self.board.control.debug_enabled = 1  # so that BKPT halts instead of faulting
        with elf.open("rb") as file:
            image = ELFFile(file)
            for segment in image.iter_segments("PT_LOAD"):
                if segment["p_filesz"]:
                    self.board.load(segment["p_paddr"], segment.data())
            (symbol,) = image.get_section_by_name(".symtab").get_symbol_by_name("results")
            self._results: int = symbol["st_value"]

    def start(self) -> None:
        self.board.reset()

    def run(self) -> list[int]:
        """Runs to the end; the results."""
        self.start()
        assert self.board.wait_halted(RUN_TIMEOUT_S), "the program does not end"
        return self.results()

    def results(self) -> list[int]:
        return list(
            struct.unpack(f"<{RESULT_COUNT}I", self.board.read(self._results, 4 * RESULT_COUNT))
        )

    def close(self) -> None:
        self.board.close()
        os.close(self._line)


def run_program(name: str, folder: Path, defines: Sequence[str] = ()) -> list[int]:
    """Results of `firmware/NAME.c` on a fresh board."""
    program = ProgramBoard(compile_program(name, folder, defines))
    try:
        return program.run()
    finally:
        program.close()


def compile_for_both(name: str, folder: Path, defines: Sequence[str] = ()) -> Path:
    """An ELF file for QEMU_MACHINE that our board runs too: it stops where QEMU prints."""
    return compile_program(name, folder, defines, QEMU_FLAGS)


def run_on_qemu(elf: Path) -> list[int]:
    """Results of a program on QEMU's own model of an M-profile core."""
    command = ["qemu-system-arm", "-machine", QEMU_MACHINE, "-display", "none", "-monitor", "none"]
    command += ["-semihosting", "-kernel", str(elf)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
    return [int(line, 16) for line in (done.stdout + done.stderr).split()]
