"""Where the time of an inference goes: cycles of each operator, beside the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.device import Device, Inference
from hil.model.info import ModelInfo, OperatorInfo, TensorInfo
from hil.record import OperatorFigures
from hil.rounds import unwrapped
from hil.trace import trace


@dataclass(frozen=True)
class OperatorProfile:
    """One operator: `cycles` (on emulated boards instructions) without the wrapper's.

    `share` is its part of all operators', `cycles_per_mac` None where it has no MACs. `output` is
    its first one, or the value that it keeps in a variable.
    """

    index: int
    name: str
    cycles: int
    share: float
    macs: int
    cycles_per_mac: float | None
    output: TensorInfo | None


@dataclass(frozen=True)
class TypeProfile:
    """All operators of one type together."""

    name: str
    count: int
    cycles: int
    share: float
    macs: int
    cycles_per_mac: float | None


@dataclass(frozen=True)
class Profile:
    """One vector, measured twice: as a whole in a clean window, and operator by operator.

    `clean_cycles` are those of Invoke alone without the window's own `empty_window_cycles`;
    `operator_cycles` the sum over `operators`, from each of which `wrapper_cycles` were taken off;
    `rest_cycles` what is left of the whole: the interpreter's own loop.
    """

    clean_cycles: int
    empty_window_cycles: int
    wrapper_cycles: int
    operator_cycles: int
    operators: tuple[OperatorProfile, ...]

    @property
    def rest_cycles(self) -> int:
        """Of the whole, what no operator accounts for."""
        return self.clean_cycles - self.operator_cycles

    @property
    def by_type(self) -> tuple[TypeProfile, ...]:
        """Operators of a type together, the most expensive type first."""
        groups: dict[str, list[OperatorProfile]] = {}
        for operator in self.operators:
            groups.setdefault(operator.name, []).append(operator)
        types = [_type_profile(name, group) for name, group in groups.items()]
        return tuple(sorted(types, key=lambda t: -t.cycles))


def measure_profile(
    device: Device,
    model: ModelInfo,
    inputs: Sequence[bytes],
    empty_window_cycles: int,
    timeout_s: float,
    is_working: Callable[[], bool] | None = None,
    prepare: Callable[[], None] | None = None,
) -> Profile:
    """Profiles one vector, after one inference to warm up. `prepare` brings a model with state to
    where it is before this vector, each time. Raises what Device.infer raises.
    """

    def infer() -> Inference:
        if prepare is not None:
            prepare()
        return device.infer(inputs, timeout_s, is_working)

    infer()
    counted = infer().cycles
    traced = trace(device, inputs, timeout_s, prepare=prepare, is_working=is_working)
    clean = unwrapped(counted, traced.net_cycles) - empty_window_cycles
    total = traced.net_cycles
    operators = tuple(
        OperatorProfile(
            index=told.index,
            name=operator.name,
            cycles=told.cycles - traced.wrapper_cycles,
            share=(told.cycles - traced.wrapper_cycles) / total,
            macs=operator.macs,
            cycles_per_mac=_per_mac(told.cycles - traced.wrapper_cycles, operator.macs),
            output=_made_by(operator, model),
        )
        for told, operator in zip(traced.operators, model.operators, strict=True)
    )
    return Profile(
        clean_cycles=clean,
        empty_window_cycles=empty_window_cycles,
        wrapper_cycles=traced.wrapper_cycles,
        operator_cycles=total,
        operators=operators,
    )


def _made_by(operator: OperatorInfo, model: ModelInfo) -> TensorInfo | None:
    """Its first output; of ASSIGN_VARIABLE, which has none, the value that it keeps; of CALL_ONCE
    nothing.
    """
    made = [*operator.outputs[:1], *operator.inputs[-1:]]
    return model.tensors[made[0]] if made else None


def operator_figures(profile: Profile, model: ModelInfo) -> tuple[OperatorFigures, ...]:
    """The operators as they stand in a run's record."""
    return tuple(
        OperatorFigures(
            index=each.index,
            name=each.name,
            output=each.output.name if each.output is not None else "",
            shape=each.output.shape if each.output is not None else (),
            count=each.cycles,
            macs=each.macs,
            weights_bytes=model.weights_bytes(operator),
        )
        for each, operator in zip(profile.operators, model.operators, strict=True)
    )


def _per_mac(cycles: int, macs: int) -> float | None:
    return cycles / macs if macs else None


def _type_profile(name: str, group: Sequence[OperatorProfile]) -> TypeProfile:
    cycles, macs = sum(o.cycles for o in group), sum(o.macs for o in group)
    return TypeProfile(
        name=name,
        count=len(group),
        cycles=cycles,
        share=sum(o.share for o in group),
        macs=macs,
        cycles_per_mac=_per_mac(cycles, macs),
    )
