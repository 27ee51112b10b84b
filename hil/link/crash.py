"""Crash frames in words: what the fault registers say (ARM DDI 0403E, B3.2.15 and B3.2.16)."""

from __future__ import annotations

from hil.link.codes import CrashKind
from hil.link.messages import Crash

_CFSR_BITS = {
    0: "IACCVIOL: executed from memory that is not executable",
    1: "DACCVIOL: accessed memory without permission",
    3: "MUNSTKERR: fault while leaving an exception",
    4: "MSTKERR: fault while entering an exception",
    5: "MLSPERR: fault while saving floating-point state",
    8: "IBUSERR: fetched an instruction from where there is no memory",
    9: "PRECISERR: accessed an address that does not answer",
    10: "IMPRECISERR: a buffered write went to an address that does not answer",
    11: "UNSTKERR: fault while leaving an exception",
    12: "STKERR: the stack left its memory (overflow)",
    13: "LSPERR: fault while saving floating-point state",
    16: "UNDEFINSTR: undefined instruction",
    17: "INVSTATE: jumped to an even address (not Thumb code)",
    18: "INVPC: invalid return from an exception",
    19: "NOCP: floating-point instruction while the FPU is off",
    24: "UNALIGNED: unaligned access",
    25: "DIVBYZERO: division by zero",
}
_HFSR_BITS = {
    1: "VECTTBL: the vector table could not be read",
    30: "FORCED: escalated from the fault above",
    31: "DEBUGEVT: breakpoint without a debugger",
}
_MMARVALID, _BFARVALID = 1 << 7, 1 << 15


def _bits(value: int, names: dict[int, str]) -> list[str]:
    return [text for bit, text in names.items() if value >> bit & 1]


def headline(crash: Crash) -> str:
    """One line: what kind of crash, and where."""
    try:
        kind = CrashKind(crash.kind).name.replace("_", " ").lower()
    except ValueError:
        kind = f"exception {crash.kind}"
    if crash.kind == CrashKind.CHECK:
        return f"TFLM stopped at a failed check, called from {crash.pc:#010x}"
    where = f"at pc {crash.pc:#010x}" if crash.frame_valid else "with an unusable stack"
    return f"the firmware crashed ({kind}) {where}"


def describe(crash: Crash, log_text: str) -> str:
    """The causes, the registers and the last text, a line each."""
    lines = _bits(crash.cfsr, _CFSR_BITS) + _bits(crash.hfsr, _HFSR_BITS)
    if crash.cfsr & _BFARVALID:
        lines.append(f"address that faulted: {crash.bfar:#010x}")
    if crash.cfsr & _MMARVALID:
        lines.append(f"address that faulted: {crash.mmfar:#010x}")
    registers = ["r0", "r1", "r2", "r3", "r12", "lr", "pc", "xpsr", "sp", "exc_return"]
    registers += ["cfsr", "hfsr", "mmfar", "bfar"]
    lines.append(" ".join(f"{name}={getattr(crash, name):#010x}" for name in registers))
    if log_text.strip():
        lines.append("last text: " + log_text.strip().splitlines()[-1])
    return "\n".join(lines)
