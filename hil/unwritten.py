"""Finds operators that leave elements of their outputs unwritten and report no error.

An optimized kernel that rejects its arguments may return without computing anything, and TFLM does
not look at that. The output then holds whatever was in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.device import Device
from hil.errors import DeviceFault
from hil.link.codes import TraceFlag
from hil.model.info import ModelInfo
from hil.trace import OperatorTrace, trace

STEP = "check that outputs are written"
# Operators that keep their state in their own output.
KEEP_STATE_IN_OUTPUT = frozenset({"CIRCULAR_BUFFER"})
# Operators that leave a part of their outputs as it was, by design: before the first whole frame,
# outside of what was asked for, behind the number of detections.
WRITE_A_PART = frozenset(
    {"SignalFramer", "SignalStacker", "SignalEnergy", "TFLite_Detection_PostProcess"}
)


@dataclass(frozen=True)
class _Prober:
    """Runs the same inference with either filling."""

    device: Device
    model: ModelInfo
    inputs: Sequence[bytes]
    timeout_s: float
    is_working: Callable[[], bool] | None

    def operators(self, fill: TraceFlag, **wanted: range) -> tuple[OperatorTrace, ...]:
        traced = trace(
            self.device,
            self.inputs,
            self.timeout_s,
            crc=True,
            fill=fill,
            prepare=self._start_over if self.model.has_state else None,
            is_working=self.is_working,
            **wanted,
        )
        return traced.operators

    def _start_over(self) -> None:
        self.device.allocate()


def check_outputs_written(
    device: Device,
    model: ModelInfo,
    inputs: Sequence[bytes],
    timeout_s: float,
    is_working: Callable[[], bool] | None = None,
) -> None:
    """Runs two inferences on `inputs` with every operator's outputs filled before it runs, with
    another byte each time: a kernel that writes all of them gives the same twice.

    Raises DeviceFault that names the first operator that does not, and what trace raises. A model
    with an operator that keeps its state in its own output is not checked.
    """
    if _keeps_state_in_outputs(model):
        return
    prober = _Prober(device, model, inputs, timeout_s, is_working)
    first = prober.operators(TraceFlag.FILL_FIRST)
    second = prober.operators(TraceFlag.FILL_SECOND)
    for one, other in zip(first, second, strict=True):
        writes_all = model.operators[one.index].name not in WRITE_A_PART
        if writes_all and one.input_crc == other.input_crc and one.output_crc != other.output_crc:
            raise _fault(prober, one.index)


def _keeps_state_in_outputs(model: ModelInfo) -> bool:
    return any(
        operator.name in KEEP_STATE_IN_OUTPUT
        or any(model.tensors[i].is_variable for i in operator.outputs if i >= 0)
        for operator in model.operators
    )


def _fault(prober: _Prober, index: int) -> DeviceFault:
    wanted = range(index, index + 1)
    first = prober.operators(TraceFlag.FILL_FIRST, data_of=wanted)[index]
    second = prober.operators(TraceFlag.FILL_SECOND, data_of=wanted)[index]
    unwritten = sum(
        one != other
        for left, right in zip(first.outputs, second.outputs, strict=True)
        for one, other in zip(left, right, strict=True)
    )
    name = prober.model.operators[index].name
    return DeviceFault(
        f"operator {index} {name} returned without an error, but left {unwritten:,} of "
        f"{first.output_bytes:,} bytes of its output unwritten",
        hint="its kernel does not support these parameters: try another kernel library or another "
        "form of the layer, and report it to TFLM",
        step=STEP,
    )
