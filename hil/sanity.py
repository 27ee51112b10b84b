"""Whether a board is fit to be measured: asked before any latency of it is believed."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from hil.bench.board import Board
from hil.device import Device
from hil.errors import BenchError
from hil.link.codes import Cache
from hil.link.host import Clock
from hil.link.messages import SanityReply
from hil.target import Target
from hil.vocab import Kind

# The answer of the fixed kernel of firmware_harness/src/sanity.cc: 4,096 turns of xorshift32.
KERNEL_RESULT = 66_261_968
# Two spins: what the link adds to each is the same, so the difference of their times is the
# difference of their cycles.
SHORT_SPIN_S, LONG_SPIN_S = 0.001, 0.101
RATE_TOLERANCE = 0.05
RATE_ATTEMPTS = 6
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Sanity:
    """A fit board: cycles (on emulated boards instructions) of an empty window and of the fixed
    kernel, clock and caches as the registers have them, and the counter's rate.

    `counter_rate_hz` is measured against host time; None on emulated boards, whose counter has no
    rate.
    """

    empty_window_cycles: int
    fixed_kernel_cycles: int
    core_clock_hz: int
    flash_wait_states: int
    caches: tuple[str, ...]
    counter_rate_hz: float | None


def check_sanity(device: Device, board: Board, target: Target, now: Clock = monotonic) -> Sanity:
    """Asks the board; `now` is the clock that its counter is held against.

    Raises BenchError with what makes it unfit.
    """
    clock_hz = target.clock.core_clock_hz
    short = _spin(device, board, now, int(SHORT_SPIN_S * clock_hz))
    long = _spin(device, board, now, int(LONG_SPIN_S * clock_hz))
    for spin in (short, long):
        _check_counter(spin)
        _check_kernel(spin.reply)
    _check_setting(long.reply, target)
    cycles = long.reply.spun_cycles - short.reply.spun_cycles
    rate_hz = None
    if board.kind is Kind.HARDWARE:
        rate_hz = _rate_hz(device, board, now, clock_hz, short, long)
    elif short.executed is not None and long.executed is not None:
        _check_counts(cycles, long.executed - short.executed)
    return Sanity(
        empty_window_cycles=long.reply.empty_window_cycles,
        fixed_kernel_cycles=long.reply.kernel_cycles,
        core_clock_hz=long.reply.core_clock_hz,
        flash_wait_states=long.reply.flash_wait_states,
        caches=_cache_names(long.reply.caches),
        counter_rate_hz=rate_hz,
    )


@dataclass(frozen=True)
class _Spin:
    """The reply, the host time it took, and how many instructions an emulated board executed."""

    wanted_cycles: int
    reply: SanityReply
    elapsed_s: float
    executed: int | None


def _spin(device: Device, board: Board, now: Clock, cycles: int) -> _Spin:
    before = board.executed_instructions()
    start = now()
    reply = device.sanity(cycles, TIMEOUT_S)
    elapsed_s = now() - start
    after = board.executed_instructions()
    executed = after - before if after is not None and before is not None else None
    return _Spin(cycles, reply, elapsed_s, executed)


def _rate_hz(
    device: Device, board: Board, now: Clock, clock_hz: int, short: _Spin, long: _Spin
) -> float:
    """The counter's rate by the host's clock. Raises BenchError when it is not the core's.

    A busy host, USB and a frame that had to be sent again only ever add to a time, so the least of
    several is the best known, and more are taken until it fits.
    """
    for _ in range(RATE_ATTEMPTS):
        elapsed_s = long.elapsed_s - short.elapsed_s
        cycles = long.reply.spun_cycles - short.reply.spun_cycles
        rate_hz = cycles / elapsed_s if elapsed_s > 0 else 0.0
        if abs(rate_hz / clock_hz - 1) <= RATE_TOLERANCE:
            return rate_hz
        again = (
            _spin(device, board, now, short.wanted_cycles),
            _spin(device, board, now, long.wanted_cycles),
        )
        short = min(short, again[0], key=lambda spin: spin.elapsed_s)
        long = min(long, again[1], key=lambda spin: spin.elapsed_s)
    raise _unfit(
        f"its counter runs at {rate_hz / 1e6:.1f} MHz by this host's clock, "
        f"not at {clock_hz / 1e6:g} MHz",
        "check the oscillator in the target file, and that this host is not overloaded",
    )


def _unfit(what: str, hint: str) -> BenchError:
    return BenchError(f"the board is unfit to be measured: {what}", hint=hint, step="sanity")


def _check_counter(spin: _Spin) -> None:
    if spin.reply.spun_cycles < spin.wanted_cycles:
        raise _unfit(
            f"its cycle counter advanced by {spin.reply.spun_cycles:,} instead of "
            f"{spin.wanted_cycles:,}",
            "is a debugger attached that switched tracing off?",
        )


def _check_kernel(reply: SanityReply) -> None:
    if reply.kernel_result != KERNEL_RESULT:
        raise _unfit(
            f"a fixed integer computation gave {reply.kernel_result}, not {KERNEL_RESULT}",
            "supply voltage, clock or flash wait states are out of their range",
        )


def _check_setting(reply: SanityReply, target: Target) -> None:
    clock = target.clock
    if reply.core_clock_hz != clock.core_clock_hz:
        raise _unfit(
            f"its core runs at {reply.core_clock_hz:,} Hz, not {clock.core_clock_hz:,}",
            "check the clock table of the target file",
        )
    if reply.flash_wait_states != clock.flash_wait_states:
        raise _unfit(
            f"its flash waits {reply.flash_wait_states} states, not {clock.flash_wait_states}",
            "check flash_wait_states of the target file",
        )
    if set(_cache_names(reply.caches)) != set(target.mcu.caches):
        raise _unfit(
            f"its caches are {_words(_cache_names(reply.caches))}, "
            f"the target file says {_words(target.mcu.caches)}",
            "check mcu.caches of the target file",
        )


def _check_counts(cycles: int, executed: int) -> None:
    """What the emulated board executed for the difference must be what its counter says."""
    if abs(executed / cycles - 1) > RATE_TOLERANCE:
        raise _unfit(
            f"its counter advanced by {cycles:,} while it executed {executed:,} instructions",
            "this is a fault of the emulated board: please report it",
        )


def _cache_names(bits: int) -> tuple[str, ...]:
    return tuple(cache.name.lower() for cache in Cache if bits & cache)


def _words(names: tuple[str, ...]) -> str:
    return " and ".join(names) or "off"
