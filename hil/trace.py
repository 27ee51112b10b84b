"""One inference with every operator watched: its cycles, CRCs of its tensors, what it computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.device import Device, check_inference
from hil.errors import DeviceFault, LinkError
from hil.link.codes import TraceFlag
from hil.link.messages import Operator, OperatorData, Trace, TraceReply

ATTEMPTS = 10
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
    fill: TraceFlag | None = None,
    prepare: Callable[[], None] | None = None,
    is_working: Callable[[], bool] | None = None,
) -> InferenceTrace:
    """Runs the model once on `inputs`, watched; `data_of` are the operators whose outputs to fetch,
    `fill` says which byte fills each operator's outputs before it runs.

    `timeout_s` is how long the line may be silent. What operators tell is not repeated when the
    line damages it: the inference is run again for what is missing, up to ATTEMPTS times, after
    `prepare`, which brings a model with state back to where it was.

    Raises LinkError, DataError and DeviceFault as Device.infer, and DeviceFault when an operator
    gives other outputs the second time.
    """
    collected = _Collected()
    wanted = data_of
    for _ in range(ATTEMPTS):
        if prepare is not None:
            prepare()
        flags = (TraceFlag.CRC if crc else 0) | (TraceFlag.DATA if wanted else 0) | (fill or 0)
        device.write_inputs(inputs)
        device.client.take_observations()
        text_before = len(device.client.log_text)
        reply = device.client.watch(
            Trace(flags, wanted.start, max(wanted.stop - 1, 0)),
            TraceReply,
            timeout_s=timeout_s,
            is_working=is_working,
        )
        check_inference(reply, inputs, device.client.log_text[text_before:])
        collected.add(device.client.take_observations())
        missing = collected.missing(reply.operators, data_of)
        if not missing:
            operators = tuple(collected.operator(i) for i in range(reply.operators))
            return InferenceTrace(operators, reply.cycles, reply.wrapper_cycles)
        asked = [index for index in missing if index in data_of]
        wanted = range(asked[0], asked[-1] + 1) if asked else NO_OPERATOR
    raise LinkError(
        f"what the operators told did not arrive whole in {ATTEMPTS} attempts",
        hint="check cable, ground and baud rate",
        step="trace",
    )


class _Collected:
    """What operators told, over several inferences of the same inputs."""

    def __init__(self) -> None:
        self._told: dict[int, Operator] = {}
        self._pieces: dict[int, dict[tuple[int, int], bytes]] = {}

    def add(self, observations: Sequence[Operator | OperatorData]) -> None:
        for observation in observations:
            index = observation.index
            if isinstance(observation, OperatorData):
                place = (observation.output, observation.offset)
                self._pieces.setdefault(index, {})[place] = observation.tail
                continue
            known = self._told.setdefault(index, observation)
            if known.output_crc != observation.output_crc:
                raise DeviceFault(
                    f"operator {index} gives other outputs from one run to the next",
                    hint="unstable supply, clock or memory, or a kernel that reads what nobody "
                    "wrote",
                    step="trace",
                )

    def missing(self, operators: int, data_of: range) -> list[int]:
        """Operators of which something has not come."""
        return [i for i in range(operators) if not self._is_whole(i, with_data=i in data_of)]

    def _is_whole(self, index: int, *, with_data: bool) -> bool:
        told = self._told.get(index)
        if told is None:
            return False
        size = sum(map(len, self._pieces.get(index, {}).values()))
        return not with_data or size == told.output_bytes

    def operator(self, index: int) -> OperatorTrace:
        told = self._told[index]
        outputs: dict[int, bytes] = {}
        for (output, _), data in sorted(self._pieces.get(index, {}).items()):
            outputs[output] = outputs.get(output, b"") + data
        return OperatorTrace(
            index=index,
            cycles=told.cycles,
            input_crc=told.input_crc,
            output_crc=told.output_crc,
            output_bytes=told.output_bytes,
            outputs=tuple(outputs[i] for i in sorted(outputs)),
        )
