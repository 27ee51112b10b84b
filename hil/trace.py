"""One inference with every operator watched: its cycles, CRCs of its tensors, what it computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.device import Device, check_inference
from hil.errors import LinkError
from hil.link.messages import Operator, OperatorData, Trace, TraceFlag, TraceReply

ATTEMPTS = 3
NO_OPERATOR = range(1, 1)


@dataclass(frozen=True)
class OperatorTrace:
    """What one operator did.

    `cycles` (on emulated boards instructions) include the wrapper's. `input_crc` covers its inputs
    that are no constants, `output_crc` its outputs, each joined in order; 0 when not asked for.
    `outputs` holds the bytes of each output tensor, () when not asked for.
    """

    index: int
    cycles: int
    input_crc: int
    output_crc: int
    output_bytes: int
    outputs: tuple[bytes, ...]


@dataclass(frozen=True)
class InferenceTrace:
    """All operators of one inference in their order; what the wrapper adds to the cycles of each;
    and the sum of the cycles, which the firmware keeps in 64 bits.
    """

    operators: tuple[OperatorTrace, ...]
    cycles: int
    wrapper_cycles: int

    @property
    def net_cycles(self) -> int:
        """The sum without the wrapper's own cost."""
        return self.cycles - len(self.operators) * self.wrapper_cycles


def trace(
    device: Device,
    inputs: Sequence[bytes],
    timeout_s: float,
    *,
    crc: bool = False,
    data_of: range = NO_OPERATOR,
    is_working: Callable[[], bool] | None = None,
) -> InferenceTrace:
    """Runs the model once on `inputs`, watched; `data_of` are the operators whose outputs to fetch.

    What operators tell is not asked for again when the line damages it: the whole inference is then
    run again, up to ATTEMPTS times. Raises LinkError, DataError and DeviceFault as Device.infer.
    """
    flags = (TraceFlag.CRC if crc else 0) | (TraceFlag.DATA if data_of else 0)
    request = Trace(flags, data_of.start, max(data_of.stop - 1, 0))
    for _ in range(ATTEMPTS):
        device.write_inputs(inputs)
        device.client.take_observations()
        text_before = len(device.client.log_text)
        reply = device.client.request(
            request, TraceReply, timeout_s=timeout_s, may_take_long=True, is_working=is_working
        )
        check_inference(reply, inputs, device.client.log_text[text_before:])
        operators = _joined(device.client.take_observations(), reply, data_of)
        if operators is not None:
            return InferenceTrace(operators, reply.cycles, reply.wrapper_cycles)
    raise LinkError(
        f"what the operators told did not arrive whole in {ATTEMPTS} attempts",
        hint="check cable, ground and baud rate",
        step="trace",
    )


def _joined(
    observations: Sequence[Operator | OperatorData], reply: TraceReply, data_of: range
) -> tuple[OperatorTrace, ...] | None:
    """The operators in order, or None when anything is missing."""
    told = [o for o in observations if isinstance(o, Operator)]
    pieces = [o for o in observations if isinstance(o, OperatorData)]
    if [o.index for o in told] != list(range(reply.operators)):
        return None
    operators = []
    for operator in told:
        outputs = _outputs([p for p in pieces if p.index == operator.index])
        is_wanted = operator.index in data_of
        if outputs is None or (is_wanted and sum(map(len, outputs)) != operator.output_bytes):
            return None
        operators.append(
            OperatorTrace(
                index=operator.index,
                cycles=operator.cycles,
                input_crc=operator.input_crc,
                output_crc=operator.output_crc,
                output_bytes=operator.output_bytes,
                outputs=outputs,
            )
        )
    return tuple(operators)


def _outputs(pieces: Sequence[OperatorData]) -> tuple[bytes, ...] | None:
    """Each output of an operator, put together; None when a piece is missing."""
    outputs: dict[int, bytes] = {}
    for piece in pieces:
        if piece.offset != len(outputs.get(piece.output, b"")):
            return None
        outputs[piece.output] = outputs.get(piece.output, b"") + piece.tail
    return tuple(outputs[i] for i in sorted(outputs))
