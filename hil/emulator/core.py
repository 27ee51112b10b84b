"""Binding of the C core (`core/*.c`) and of the Unicorn library it drives."""

from __future__ import annotations

import ctypes as c
import importlib.util
from enum import IntEnum
from pathlib import Path

from hil.errors import BenchError

ABI = 3  # CORE_ABI of core/core.h
INSTALL_HINT = "pip install 'tflm-hil[emulator]' (needs a C compiler)"


class StopReason(IntEnum):
    """Why the core stopped running (StopReason of core/core.h)."""

    HALT_REQUEST = 1
    BREAKPOINT = 2
    RESET = 3
    LOCKUP = 4
    STEP = 5
    VECTOR_CATCH = 6
    INTERNAL = 7


class ResetCause(IntEnum):
    """What reset the board (ResetCause of core/core.h)."""

    POWER_ON = 0
    PIN = 1
    SOFTWARE = 2


def _fields(names: str, kind: type) -> list[tuple[str, type]]:
    return [(name, kind) for name in names.split()]


class Control(c.Structure):
    """BoardControl of core/core.h: shared with the core while it runs."""

    _fields_ = [
        *_fields("halt_request debug_enabled demcr dfsr locked_up", c.c_uint32),
        *_fields("line_fd wake_fd", c.c_int32),
        *_fields(
            "line_paced line_flip_ppm line_drop_ppm line_seed internal_error lenient", c.c_uint32
        ),
        *_fields("fault_pc fault_cfsr fault_hfsr fault_address last_exception", c.c_uint32),
        *_fields("core_clock_hz", c.c_uint32),
        *_fields("instructions idle_cycles exceptions received_bytes sent_bytes", c.c_uint64),
        *_fields("received_lost received_flipped sent_lost sent_flipped sent_unread", c.c_uint64),
        *_fields("flash_words flash_erases slept_ns", c.c_uint64),
        ("refusal", c.c_char * 192),
    ]

    @classmethod
    def names(cls) -> list[str]:
        """The counters and states, in order."""
        return [field[0] for field in cls._fields_ if field[0] != "refusal"]


class ChipFacts(c.Structure):
    """BoardChip of core/core.h."""

    _fields_ = [
        ("cpu_model", c.c_int32),
        *_fields("cpuid boot_address irq_count hsi_hz hse_hz", c.c_uint32),
        ("hse_bypass", c.c_bool),
        *_fields("rcc_base gpio_base gpio_stride pwr_base", c.c_uint32),
        *_fields("max_core_hz max_apb1_hz max_apb2_hz overdrive_above_hz", c.c_uint32),
        *_fields("wait_state_hz", c.c_uint32),
    ]


class ReadyRuleFacts(c.Structure):
    """ReadyRule of core/core.h."""

    _fields_ = _fields(
        "destination_address destination_shift source_address source_shift width", c.c_uint32
    )


class LineWiring(c.Structure):
    """LineWiring of core/core.h."""

    _fields_ = _fields("usart tx_port tx_pin tx_function rx_port rx_pin rx_function", c.c_uint32)


class TracedBlock(c.Structure):
    """TracedBlock of core/core.h."""

    _fields_ = [
        *_fields("address size segment instructions", c.c_uint32),
        ("executions", c.c_uint64),
    ]


class TraceResult(c.Structure):
    """TraceResult of core/core.h."""

    _fields_ = [
        ("instructions", c.c_uint64),
        *_fields("segments blocks max_blocks overflowed", c.c_uint32),
        ("segment_marks", c.POINTER(c.c_uint32)),
        ("traced_blocks", c.POINTER(TracedBlock)),
    ]


_PROTOTYPES: dict[str, tuple[object, list[object]]] = {
    "core_abi": (c.c_uint32, []),
    "board_new": (c.c_void_p, [c.c_char_p, c.POINTER(ChipFacts), c.c_char_p, c.c_size_t]),
    "board_free": (None, [c.c_void_p]),
    "board_control": (c.POINTER(Control), [c.c_void_p]),
    "board_add_memory": (
        c.c_int,
        [c.c_void_p, c.c_uint32, c.c_uint32, c.c_bool, c.c_uint32],
    ),
    "board_set_flash": (
        c.c_int,
        [c.c_void_p, c.c_uint32, c.POINTER(c.c_uint32), c.c_uint32],
    ),
    "board_add_peripheral": (c.c_int, [c.c_void_p] + [c.c_uint32] * 6),
    "board_add_window": (c.c_int, [c.c_void_p, c.c_uint32, c.c_uint32]),
    "board_add_ready_rule": (c.c_int, [c.c_void_p, c.POINTER(ReadyRuleFacts)]),
    "board_set_register": (c.c_int, [c.c_void_p, c.c_uint32, c.c_uint32]),
    "board_finish": (c.c_int, [c.c_void_p]),
    "board_wire_line": (None, [c.c_void_p, c.POINTER(LineWiring)]),
    "board_reset": (None, [c.c_void_p, c.c_int]),
    "board_run": (c.c_int, [c.c_void_p]),
    "board_stop_counting": (None, [c.c_void_p]),
    "board_request_halt": (None, [c.c_void_p]),
    "board_step": (c.c_int, [c.c_void_p, c.c_bool]),
    "board_set_breakpoints": (c.c_int, [c.c_void_p, c.POINTER(c.c_uint32), c.c_uint32]),
    "board_trace_start": (
        c.c_int,
        [c.c_void_p, c.POINTER(c.c_uint32), c.c_uint32, c.c_uint32],
    ),
    "board_trace_stop": (c.POINTER(TraceResult), [c.c_void_p]),
    "board_read_memory": (c.c_bool, [c.c_void_p, c.c_uint32, c.c_char_p, c.c_uint32]),
    "board_write_memory": (
        c.c_bool,
        [c.c_void_p, c.c_uint32, c.c_char_p, c.c_uint32, c.c_bool],
    ),
    "board_load": (c.c_bool, [c.c_void_p, c.c_uint32, c.c_char_p, c.c_uint32]),
    "board_has_peripheral": (c.c_bool, [c.c_void_p, c.c_uint32]),
    "board_read_register": (c.c_uint32, [c.c_void_p, c.c_uint32]),
    "board_write_register": (None, [c.c_void_p, c.c_uint32, c.c_uint32]),
    "board_read_core_register": (c.c_uint32, [c.c_void_p, c.c_uint32]),
    "board_write_core_register": (None, [c.c_void_p, c.c_uint32, c.c_uint32]),
}


def core_path() -> Path:
    """Where the compiled core is; it need not exist."""
    return Path(__file__).parent / "_core.so"


def unicorn_path() -> Path | None:
    """The Unicorn shared library inside the `unicorn` package, or None when not installed."""
    spec = importlib.util.find_spec("unicorn")
    if spec is None or not spec.submodule_search_locations:
        return None
    libraries = sorted((Path(spec.submodule_search_locations[0]) / "lib").glob("libunicorn.*.2*"))
    libraries += sorted((Path(spec.submodule_search_locations[0]) / "lib").glob("libunicorn.so*"))
    return libraries[0] if libraries else None


def load_core() -> c.CDLL:
    """The C core with its prototypes set. Raises BenchError when it was not built or is stale."""
    path = core_path()
    if not path.exists():
        raise BenchError("the emulated board's C core is not built", hint=INSTALL_HINT)
    core = c.CDLL(str(path))
    core.core_abi.restype = c.c_uint32
    if core.core_abi() != ABI:
        raise BenchError(
            f"the C core has interface {core.core_abi()}, this hil needs {ABI}", hint=INSTALL_HINT
        )
    for name, (restype, argtypes) in _PROTOTYPES.items():
        function = getattr(core, name)
        function.restype = restype
        function.argtypes = argtypes
    return core


def require_unicorn() -> Path:
    """The Unicorn shared library. Raises BenchError when it is not installed."""
    path = unicorn_path()
    if path is None:
        raise BenchError("Unicorn, the emulated board's CPU, is not installed", hint=INSTALL_HINT)
    return path
