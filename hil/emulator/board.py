"""A board made of a chip, its wiring, and a thread that runs the core."""

from __future__ import annotations

import ctypes as c
import os
import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from hil.emulator.chip import PERIPHERAL_KINDS, Chip
from hil.emulator.core import (
    ChipFacts,
    Control,
    LineWiring,
    ReadyRuleFacts,
    ResetCause,
    StopReason,
    load_core,
    require_unicorn,
)
from hil.emulator.trace import MAX_TRACE_MARKS, MAX_TRACED_BLOCKS, pack_trace
from hil.errors import BenchError, ConfigError, did_you_mean

T = TypeVar("T")

PAGE_BYTES = 0x1000
# What a lenient board answers in, everywhere: peripherals and the core's own registers.
PERIPHERAL_SPACE = ((0x40000000, 0x20000000), (0xE0000000, 0x00100000))
HALT_TIMEOUT_S = 5.0
DEMCR_VC_CORERESET = 1 << 0
DFSR_VCATCH = 1 << 3


@dataclass(frozen=True)
class Wiring:
    """What the target's board adds to the chip: its crystal and where the serial line goes."""

    hse_hz: int
    serial: str
    tx: str
    rx: str
    hse_bypass: bool = False


class BusFault(Exception):
    """A debugger's access reached nothing."""


class Board:
    """An emulated board. Methods may be called from any one thread at a time.

    The core runs in a thread of its own; memory and registers of peripherals may be read while it
    does, core registers only while it is halted.
    """

    def __init__(self, chip: Chip, wiring: Wiring, line_fd: int, *, lenient: bool = False) -> None:
        self.chip = chip
        self.on_refusal: Callable[[str], None] | None = None
        self._core = load_core()
        self._handle = self._new_board(wiring)
        self.control: Control = self._core.board_control(self._handle).contents
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self.control.wake_fd = self._wake_read.fileno()
        self.control.line_fd = line_fd
        self.control.lenient = int(lenient)
        self._add_memories()
        self._add_peripherals()
        self._wire(wiring)

        self.state = threading.Condition()
        self.halted = True
        self.reset_seen = True  # DHCSR.S_RESET_ST
        self.resets = 0
        self.stop_reason = StopReason.HALT_REQUEST
        self._run_wanted = False
        self._closing = False
        self._core.board_reset(self._handle, ResetCause.POWER_ON)
        self._thread = threading.Thread(target=self._run_loop, name="core", daemon=True)
        self._thread.start()

    # ---- building

    def _new_board(self, wiring: Wiring) -> c.c_void_p:
        chip = self.chip
        facts = ChipFacts(
            cpu_model=chip.cpu_model,
            cpuid=chip.cpuid,
            boot_address=chip.boot_address,
            irq_count=chip.irq_count,
            hsi_hz=chip.hsi_hz,
            hse_hz=wiring.hse_hz,
            rcc_base=chip.rcc_base,
            gpio_base=chip.gpio_base,
            gpio_stride=chip.gpio_stride,
            hse_bypass=wiring.hse_bypass,
            pwr_base=chip.pwr_base,
            **asdict(chip.limits),
        )
        error = c.create_string_buffer(256)
        unicorn = os.fsencode(require_unicorn())
        handle = self._core.board_new(unicorn, c.byref(facts), error, len(error))
        if not handle:
            raise BenchError(f"the emulated board does not start: {error.value.decode()}")
        return c.c_void_p(handle)

    def _must(self, code: int, what: str) -> None:
        if code:
            raise BenchError(f"{self.chip.name}: the emulated board refuses {what} ({code})")

    def _add_memories(self) -> None:
        for memory in self.chip.memories:
            code = self._core.board_add_memory(
                self._handle, memory.base, memory.bytes, memory.writable, memory.alias_of or 0
            )
            self._must(code, f"memory {memory.name}")
        sectors = (c.c_uint32 * len(self.chip.flash_sector_bytes))(*self.chip.flash_sector_bytes)
        code = self._core.board_set_flash(self._handle, self.chip.flash_base, sectors, len(sectors))
        self._must(code, "its flash sectors")
        for address, value in self.chip.factory_words:
            self.load(address, value.to_bytes(4, "little"))

    def _add_peripherals(self) -> None:
        for peripheral in self.chip.peripherals:
            code = self._core.board_add_peripheral(
                self._handle,
                PERIPHERAL_KINDS[peripheral.kind],
                peripheral.base,
                peripheral.bytes,
                peripheral.index,
                peripheral.clock_enable_address,
                peripheral.clock_enable_mask,
            )
            self._must(code, f"peripheral {peripheral.name}")
            for address, value in peripheral.values:
                code = self._core.board_set_register(self._handle, address, value)
                self._must(code, f"a value of {peripheral.name}")
            for rule in peripheral.ready:
                facts = ReadyRuleFacts(
                    rule.address, rule.bit, rule.follows_address, rule.follows_bit, 1
                )
                code = self._core.board_add_ready_rule(self._handle, c.byref(facts))
                self._must(code, f"a ready rule of {peripheral.name}")
        for base, size in PERIPHERAL_SPACE if self.control.lenient else _windows(self.chip):
            self._must(self._core.board_add_window(self._handle, base, size), "peripheral space")
        self._must(self._core.board_finish(self._handle), "its memory hooks")

    def _wire(self, wiring: Wiring) -> None:
        usart = self.chip.usart(wiring.serial)
        tx_function = _alternate_function(usart.name, "TX", usart.tx_pins, wiring.tx)
        rx_function = _alternate_function(usart.name, "RX", usart.rx_pins, wiring.rx)
        line = LineWiring(
            usart.slot, *parse_pin(wiring.tx), tx_function, *parse_pin(wiring.rx), rx_function
        )
        self._core.board_wire_line(self._handle, c.byref(line))

    # ---- run control

    def _run_loop(self) -> None:
        while True:
            with self.state:
                self.state.wait_for(lambda: self._run_wanted or self._closing)
                if self._closing:
                    return
                self.halted = False
            reason = StopReason(self._core.board_run(self._handle))
            with self.state:
                if reason is StopReason.RESET and self._reset_and_go_on(ResetCause.SOFTWARE):
                    continue
                self._run_wanted = False
                self.halted = True
                self.stop_reason = reason
                if self.refusal and self.on_refusal is not None:
                    self.on_refusal(self.refusal)
                self.control.halt_request = 0
                self._drain_wake()
                self.state.notify_all()

    def _reset_and_go_on(self, cause: ResetCause) -> bool:
        """Resets the core; False when the debugger catches it at the reset vector."""
        self._core.board_reset(self._handle, cause)
        self.reset_seen = True
        self.resets += 1
        if self.control.debug_enabled and self.control.demcr & DEMCR_VC_CORERESET:
            self.control.dfsr |= DFSR_VCATCH
            return False
        return True

    def _drain_wake(self) -> None:
        try:
            while self._wake_read.recv(64):
                pass
        except BlockingIOError:
            pass

    def resume(self) -> None:
        """Lets the core run. A core in lockup stays there, as on silicon, until reset."""
        with self.state:
            if self.halted and not self.control.locked_up:
                self._run_wanted = True
                self.halted = False
                self.state.notify_all()

    def halt(self) -> None:
        """Stops the core within a basic block. Raises BenchError when it does not stop."""
        with self.state:
            if self.halted:
                return
            self._core.board_request_halt(self._handle)
            self._wake_write.send(b"!")
            if not self.state.wait_for(lambda: self.halted, HALT_TIMEOUT_S):
                raise BenchError("the emulated core does not halt")

    def stop_counting(self) -> None:
        """Lets the halted core run on without counting: for benchmarks, and only for those.

        CYCCNT stands still from then on and the running core cannot be halted any more.
        """
        self._core.board_stop_counting(self._handle)

    def step(self, mask_interrupts: bool) -> StopReason:
        """Executes one instruction of the halted core."""
        reason = StopReason(self._core.board_step(self._handle, mask_interrupts))
        if reason is StopReason.RESET:
            self._reset_and_go_on(ResetCause.SOFTWARE)
        self.stop_reason = reason
        return reason

    def reset(self, hold: bool = False) -> None:
        """Pulses the reset pin; with `hold` the core stays at its reset vector."""
        self.halt()
        if self._reset_and_go_on(ResetCause.PIN) and not hold:
            self.resume()

    @property
    def refusal(self) -> str:
        """Why the board stopped itself, "" when it did not."""
        text: bytes = self.control.refusal
        return text.decode()

    def wait_halted(self, timeout_s: float) -> bool:
        """Waits until the core stops; True when it has."""
        with self.state:
            return self.state.wait_for(lambda: self.halted, timeout_s)

    def close(self) -> None:
        """Stops the core and its thread."""
        self.halt()
        with self.state:
            self._closing = True
            self.state.notify_all()
        self._thread.join()
        self._core.board_free(self._handle)
        self._wake_read.close()
        self._wake_write.close()

    # ---- what a debugger sees

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes of memory or peripheral registers. Raises BusFault."""
        buffer = c.create_string_buffer(size)
        if self._core.board_read_memory(self._handle, address, buffer, size):
            return buffer.raw
        first, last = address & ~3, (address + size + 3) & ~3
        words = b"".join(self._read_register(at) for at in range(first, last, 4))
        return words[address - first : address - first + size]

    def _read_register(self, address: int) -> bytes:
        if not self._core.board_has_peripheral(self._handle, address):
            raise BusFault(f"nothing at {address:#010x}")
        value: int = self._core.board_read_register(self._handle, address)
        return value.to_bytes(4, "little")

    def write(self, address: int, data: bytes) -> None:
        """Writes memory or peripheral registers as the debug port does. Raises BusFault."""
        if self._core.board_write_memory(self._handle, address, data, len(data), self.halted):
            return
        first, last = address & ~3, (address + len(data) + 3) & ~3
        if (first, last) != (address, address + len(data)):
            words = bytearray(self.read(first, last - first))
            words[address - first : address - first + len(data)] = data
            data = bytes(words)
        for at in range(first, last, 4):
            if not self._core.board_has_peripheral(self._handle, at):
                raise BusFault(f"nothing at {at:#010x}")
            value = int.from_bytes(data[at - first : at - first + 4], "little")
            self._core.board_write_register(self._handle, at, value)

    def load(self, address: int, data: bytes) -> None:
        """Puts bytes into memory without a debugger, flash included. Raises BusFault."""
        if not self._core.board_load(self._handle, address, data, len(data)):
            raise BusFault(f"no memory at {address:#010x}")

    def read_core_register(self, number: int) -> int:
        """A core register by its DCRSR number, as an unsigned 32-bit value."""
        value: int = self._core.board_read_core_register(self._handle, number)
        return value

    def write_core_register(self, number: int, value: int) -> None:
        """Sets a core register by its DCRSR number."""
        self._core.board_write_core_register(self._handle, number, value)

    def set_breakpoints(self, addresses: list[int]) -> None:
        """Replaces the hardware breakpoints; the core must be halted."""
        array = (c.c_uint32 * len(addresses))(*addresses)
        code = self._core.board_set_breakpoints(self._handle, array, len(addresses))
        self._must(code, "more breakpoints")

    def while_halted(self, action: Callable[[], T]) -> T:
        """What `action` gives, run with the core stopped; a core that ran is resumed."""
        was_running = not self.halted
        self.halt()
        try:
            return action()
        finally:
            # One that stopped by itself meanwhile stays where it is.
            if was_running and self.stop_reason is StopReason.HALT_REQUEST:
                self.resume()

    def start_trace(self, marks: Sequence[int], max_blocks: int = MAX_TRACED_BLOCKS) -> None:
        """Begins to count executions of blocks; each entry to a mark begins a new segment.

        `marks` are even code addresses. Throws away a trace that was running. Raises BenchError
        when there are more marks or blocks than the core takes.
        """
        array = (c.c_uint32 * len(marks))(*marks)
        code = self.while_halted(
            lambda: self._core.board_trace_start(self._handle, array, len(marks), max_blocks)
        )
        limits = f"at most {MAX_TRACE_MARKS} and {MAX_TRACED_BLOCKS}"
        self._must(code, f"a trace with {len(marks)} marks and {max_blocks} blocks: {limits}")

    def stop_trace(self) -> bytes:
        """Ends the trace; what it counted (hil.emulator.trace). Raises BenchError if none ran."""

        def stop() -> bytes | None:
            result = self._core.board_trace_stop(self._handle)
            return pack_trace(result.contents) if result else None

        counted = self.while_halted(stop)
        if counted is None:
            raise BenchError("no trace is running on the emulated board")
        return counted

    def counters(self) -> dict[str, int]:
        """The core's counters and states by name, and how often the board was reset."""
        values = {name: int(getattr(self.control, name)) for name in Control.names()}
        return values | {"resets": self.resets, "halted": int(self.halted)}


def _windows(chip: Chip) -> list[tuple[int, int]]:
    """The 4 KiB pages that hold peripherals, adjoining ones merged: (base, size)."""
    pages = sorted(
        {
            page
            for peripheral in chip.peripherals
            for page in range(
                peripheral.base // PAGE_BYTES,
                (peripheral.base + peripheral.bytes - 1) // PAGE_BYTES + 1,
            )
        }
    )
    windows: list[tuple[int, int]] = []
    for page in pages:
        base = page * PAGE_BYTES
        if windows and sum(windows[-1]) == base:
            windows[-1] = (windows[-1][0], windows[-1][1] + PAGE_BYTES)
        else:
            windows.append((base, PAGE_BYTES))
    return windows


def parse_pin(pin: str) -> tuple[int, int]:
    """Port and number of a pin: "PB7" -> (1, 7). Raises ConfigError."""
    match = re.fullmatch(r"P([A-K])(\d{1,2})", pin)
    if not match or int(match[2]) > 15:
        raise ConfigError(f"{pin!r} is no pin", hint='a pin is written "PA9"')
    return ord(match[1]) - ord("A"), int(match[2])


def _alternate_function(usart: str, signal: str, pins: dict[str, int], pin: str) -> int:
    if pin not in pins:
        raise ConfigError(f"{pin} is no {signal} pin of {usart}", hint=did_you_mean(pin, pins))
    return pins[pin]
