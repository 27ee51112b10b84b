"""Signal operators of TFLM's 2024 tree: custom operators named `Signal...`, for audio features.

Places: `S/` = `signal/micro/kernels/`. Their settings are a flexbuffer in the custom options, read
by position: without one they are read through address 0.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from hil.model.rule import Case, Finding, Rule

AGAIN = "export the model again with the tflite-micro signal library"
NEEDS_SETTINGS = frozenset(
    {
        "SignalDelay",
        "SignalEnergy",
        "SignalFilterBank",
        "SignalFilterBankLog",
        "SignalFilterBankSpectralSubtraction",
        "SignalFramer",
        "SignalIrfft",
        "SignalOverlapAdd",
        "SignalPCAN",
        "SignalRfft",
        "SignalStacker",
        "SignalWindow",
        "TFLite_Detection_PostProcess",
    }
)
# What flexbuffers raise on bytes that are none.
DAMAGE = (struct.error, IndexError, KeyError, ValueError, TypeError, NotImplementedError)


def settings(case: Case) -> Mapping[str, Any]:
    """A custom operator's settings by name, {} when there are none."""
    from flatbuffers import flexbuffers

    try:
        found = flexbuffers.Loads(case.operator.custom_options)
    except DAMAGE:
        return {}
    return found if isinstance(found, dict) else {}


def missing_settings(case: Case) -> Finding | None:
    """FlexbufferWrapper and flexbuffers::GetRoot read whatever lies there."""
    if case.name not in NEEDS_SETTINGS or settings(case):
        return None
    return Finding("its settings are missing from the file", AGAIN, "S/*.cpp, Init")


def _spectrum(case: Case) -> Finding | None:
    """Copies the input to a buffer of `fft_length`, writes fft_length / 2 + 1 complex numbers."""
    data, output = case.input(0), case.output
    length = int(settings(case).get("fft_length", 0))
    if data is None or output is None or not data.shape or not output.shape:
        return None
    time, spectrum = (output, data) if case.name == "SignalIrfft" else (data, output)
    fits = time.shape[-1] <= length if time is data else time.shape[-1] == length
    if fits and spectrum.shape[-1] == 2 * (length // 2 + 1):
        return None
    return Finding(
        f"an FFT of length {length} between {time.shape[-1]} samples and "
        f"{spectrum.shape[-1]} numbers: the kernel would write past its buffers",
        AGAIN,
        "S/rfft.cpp, irfft.cpp",
    )


def _whole_windows(case: Case) -> Finding | None:
    data, weights = case.input(0), case.input(1)
    if data is None or weights is None or not weights.elements:
        return None
    if data.elements % weights.elements == 0:
        return None
    return Finding(
        f"{data.elements} samples under a window of {weights.elements}: the kernel would read and "
        "write past both",
        AGAIN,
        "S/window.cpp",
    )


def _channels(case: Case) -> Finding | None:
    output = case.output
    count = int(settings(case).get("num_channels", 0))
    if output is None or output.elements <= count:
        return None
    return Finding(
        f"{output.elements} outputs of {count} channels: the kernel would read past its sums",
        AGAIN,
        "S/filter_bank.cpp",
    )


RULES: dict[str, tuple[Rule, ...]] = {
    "SignalFilterBank": (_channels,),
    "SignalIrfft": (_spectrum,),
    "SignalRfft": (_spectrum,),
    "SignalWindow": (_whole_windows,),
}
