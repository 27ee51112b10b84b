"""Runs programs on QEMU's model of an M-profile core: a second opinion on our own."""

from __future__ import annotations

import subprocess
import time
from itertools import islice
from pathlib import Path
from random import Random

from tests.emulator.programs import QEMU_MACHINE
from tests.emulator.thumb.bench import (
    BFAR,
    CCR,
    CCR_DIV_0_TRP,
    CCR_STKALIGN,
    CFSR,
    CPACR,
    MOST_WORDS_SHOWN,
    SHCSR,
    VTOR,
    new_execution,
)
from tests.emulator.thumb.checkpoint import (
    FLOATS,
    Checkpoint,
    Difference,
    changed_words,
    checkpoints,
    describe,
)
from tests.emulator.thumb.gdb import GdbClient
from tests.emulator.thumb.image import FAULT_HANDLER_HALTS_AT, Image
from tests.emulator.thumb.instruction import register
from tests.emulator.thumb.machine import FLASH_BASE, FLASH_BYTES, PC, RAM_BASE, RAM_BYTES, WORD
from tests.emulator.thumb.program import Program

# No accesses to flash (QEMU ignores stores to it), to peripherals, or over the end of RAM, where
# QEMU's LDRD loses its base.
QEMU_PLACES = {"ram": 8, "page end": 4, "unaligned": 3, "nowhere": 3}
QEMU_RAM_BYTES = 0x20000
FPCCR, FPCCR_ASPEN = 0xE000EF34, 1 << 31  # without LSPEN: floats are stacked at once
SETTINGS = {VTOR: FLASH_BASE, SHCSR: 7 << 16, CPACR: 0xF << 20, FPCCR: FPCCR_ASPEN}
XPSR, D0, FPSCR = 25, 26, 42  # as in QEMU's description of the registers
# Code that leaves CONTROL.FPCA clear (MSR CONTROL, R0; ISB) and set (VMRS), and that stores R1 to
# the address in R0, for what a debugger cannot write in QEMU: registers of the core. Each ends with
# a NOP, where it is halted.
WITHOUT_FLOATS, WITH_FLOATS, STORE = (FLASH_BASE + at for at in (0x600, 0x620, 0x640))
STUBS = {
    WITHOUT_FLOATS: (0xF380, 0x8814, 0xF3BF, 0x8F6F, 0xBF00),
    WITH_FLOATS: (0xEEF1, 0x0A10, 0xBF00),
    STORE: (0x6001, 0xBF00),
}
START_TIMEOUT_S = 10.0


class QemuBench:
    """One QEMU process for many programs; of no use after a Difference."""

    def __init__(self, folder: Path) -> None:
        self._image = Image()
        flash = bytearray(FLASH_BYTES)
        parts = self._image.parts()
        for address, code in STUBS.items():
            parts[address] = b"".join(halfword.to_bytes(2, "little") for halfword in code)
        for address, data in parts.items():
            at = address - FLASH_BASE
            flash[at : at + len(data)] = data
        self._flash = bytes(flash)
        kernel, path = folder / "flash.bin", folder / "gdb"
        kernel.write_bytes(self._flash)
        command = (
            f"qemu-system-arm -machine {QEMU_MACHINE} -display none -monitor none -serial none -S "
            f"-kernel {kernel} -gdb chardev:gdb "
            f"-chardev socket,path={path},server=on,wait=on,id=gdb"
        )
        self._process = subprocess.Popen(command.split(), stderr=subprocess.PIPE)
        self._gdb = _connect(path, self._process)
        noise = Random(1).randbytes(QEMU_RAM_BYTES)
        self._gdb.write(RAM_BASE, noise)
        self._ram = noise + bytes(RAM_BYTES - QEMU_RAM_BYTES)
        for address, code in STUBS.items():
            self._gdb.must(f"Z1,{address + 2 * len(code) - 2:x},2")
        self._gdb.must(f"Z1,{FAULT_HANDLER_HALTS_AT:x},2")
        self._store(SETTINGS)

    def close(self) -> None:
        self._gdb.close()
        self._process.kill()
        self._process.communicate()

    def compare(self, program: Program, choices: Random) -> None:
        """Runs the program. Raises Difference."""
        execution = new_execution(program, self._image, self._ram, self._flash)
        end = program.origin + len(program.encoding) - 2
        self._gdb.must(f"Z1,{end:x},2")
        self._gdb.write(program.origin, program.encoding)
        self._prepare(program)
        for checkpoint in checkpoints(execution, choices):
            self._gdb.run_to_breakpoint()
            self._check(checkpoint)
            for address, value in checkpoint.memory_fixes.items():
                self._gdb.write(address, (value & WORD).to_bytes(4, "little"))
            self._store({CFSR: WORD})  # in a fault's handler, which has stacked R0 and R1
            for number, value in checkpoint.fixes.items():
                self._gdb.write_register(number, value)
        self._gdb.must(f"z1,{end:x},2")
        now = self._gdb.read(RAM_BASE, QEMU_RAM_BYTES)
        for at in changed_words(now, self._ram, 0, QEMU_RAM_BYTES):
            self._gdb.write(RAM_BASE + at, self._ram[at : at + 4])

    def _store(self, words: dict[int, int]) -> None:
        for address, value in words.items():
            self._gdb.write_register(0, address)
            self._gdb.write_register(1, value)
            self._gdb.write_register(PC, STORE)
            self._gdb.run_to_breakpoint()

    def _word(self, address: int) -> int:
        return int.from_bytes(self._gdb.read(address, 4), "little")

    def _prepare(self, program: Program) -> None:
        gdb = self._gdb
        gdb.write_register(XPSR, 1 << 24)
        traps = CCR_DIV_0_TRP if program.traps_division else 0
        self._store({CCR: CCR_STKALIGN | traps, CFSR: WORD})
        gdb.write_register(0, 0)
        gdb.write_register(PC, WITH_FLOATS if program.uses_floats else WITHOUT_FLOATS)
        gdb.run_to_breakpoint()
        gdb.write_register(XPSR, program.flags)
        for number, value in enumerate((*program.registers, program.origin)):
            gdb.write_register(number, value)
        for pair in range(FLOATS // 2):
            low, high = program.floats[2 * pair : 2 * pair + 2]
            gdb.write_register(D0 + pair, low | high << 32, 8)
        gdb.write_register(FPSCR, 0)

    def _check(self, expected: Checkpoint) -> None:
        gdb = self._gdb
        actual = {register(number): gdb.read_register(number) for number in range(16)}
        actual |= {"xpsr": gdb.read_register(XPSR), "cfsr": self._word(CFSR)}
        # After exception entry S0 to S15 and FPSCR are unknown (B1.5.7), and QEMU clears them.
        in_thread_mode = not actual["xpsr"] & 0x1FF
        for pair in range(FLOATS // 2 if in_thread_mode else 0):
            both = gdb.read_register(D0 + pair)
            actual |= {f"s{2 * pair}": both & WORD, f"s{2 * pair + 1}": both >> 32}
        if in_thread_mode:
            actual["fpscr"] = gdb.read_register(FPSCR)
        if "bfar" in expected.registers:
            actual["bfar"] = self._word(BFAR)
        wrong = [
            f"{name}: QEMU {value:#010x}, model {expected.registers[name]:#010x}"
            for name, value in actual.items()
            if value != expected.registers[name]
        ]
        ram = gdb.read(RAM_BASE, QEMU_RAM_BYTES)
        for at in islice(changed_words(ram, expected.ram, 0, QEMU_RAM_BYTES), MOST_WORDS_SHOWN):
            pair_text = f"QEMU {ram[at : at + 4].hex()}, model {expected.ram[at : at + 4].hex()}"
            wrong.append(f"[{RAM_BASE + at:#x}]: {pair_text}")
        if wrong:
            raise Difference(describe("QEMU", expected, wrong))


def _connect(path: Path, process: subprocess.Popen[bytes]) -> GdbClient:
    """QEMU waits for us, but not for its socket to be there: it is polled."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            return GdbClient(str(path))
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
