"""What rules of every TFLM generation ask of an operator, and the rules that are tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import isclose

from hil.model.info import TensorInfo
from hil.model.rule import I8, I16, I32, U8, WITHOUT_A_WORD, Case, Finding, Rule

I4 = "INT4"
QUANTIZED = frozenset({I8, U8, I16, I4})
NO_ACTIVATION = 0  # ActivationFunctionType.NONE
# Lowest and highest value of RELU, RELU_N1_TO_1, RELU6; other activations are none that clamp.
CLAMPS = {NO_ACTIVATION: (None, None), 1: (0.0, None), 2: (-1.0, 1.0), 3: (0.0, 6.0)}
INTEGER_RANGE = {I8: (-128, 127), U8: (0, 255), I16: (-32768, 32767), I4: (-8, 7)}


@dataclass(frozen=True)
class Ranks:
    """How many dimensions one input (by index) may have."""

    index: int
    least: int
    most: int


def is_quantized(tensor: TensorInfo | None) -> bool:
    """Whether its integers stand for real numbers: int8, uint8, int16, int4 with a scale."""
    return tensor is not None and tensor.type in QUANTIZED and bool(tensor.scales)


def equally_quantized(one: TensorInfo, other: TensorInfo) -> bool:
    """Whether the same integer means the same real number in both."""
    return one.scales == other.scales and one.zero_points == other.zero_points


def scale_text(tensor: TensorInfo) -> str:
    """Scale and zero point, as messages write them."""
    scale = f"{tensor.scales[0]:.5g}" if tensor.scales else "none"
    return f"{scale}, {tensor.zero_points[0] if tensor.zero_points else 0}"


def clamped_range(activation: int, output: TensorInfo) -> tuple[int, int]:
    """The integers that a fused activation leaves of the output's type."""
    low, high = INTEGER_RANGE[output.type]
    scale, zero_point = output.scales[0], output.zero_points[0]
    lowest, highest = CLAMPS.get(activation, (None, None))
    if lowest is not None:
        low = max(low, zero_point + round(lowest / scale))
    if highest is not None:
        high = min(high, zero_point + round(highest / scale))
    return low, high


def clamps(case: Case) -> bool:
    """Whether a fused activation changes any value of the integer output."""
    output = case.output
    if output is None or not is_quantized(output) or not output.zero_points:
        return False
    allowed = clamped_range(case.option("fusedActivationFunction"), output)
    return allowed != INTEGER_RANGE[output.type]


def rank_rule(table: Mapping[str, Collection[Ranks]], most: int, anything: Collection[str]) -> Rule:
    """Refuses inputs of other ranks than the kernel reads, and tensors of more than `most`
    dimensions but for operators in `anything`.
    """

    def rule(case: Case) -> Finding | None:
        for ranks in table.get(case.name, ()):
            tensor = case.input(ranks.index)
            if tensor is None or ranks.least <= len(tensor.shape) <= ranks.most:
                continue
            wanted = f"{ranks.least}" if ranks.least == ranks.most else f"up to {ranks.most}"
            if ranks.least < ranks.most and len(tensor.shape) < ranks.least:
                wanted = f"{ranks.least} to {ranks.most}"
            return Finding(
                f"its input {ranks.index} has {len(tensor.shape)} dimensions, the kernel reads "
                f"{wanted}",
                "reshape it",
            )
        tensors = (*case.inputs, *case.outputs)
        rank = max((len(tensor.shape) for tensor in tensors), default=0)
        if rank <= most or case.name in anything:
            return None
        return Finding(f"a tensor of rank {rank}: TFLM stops at {most}", "use fewer dimensions")

    return rule


def broadcast_rule(table: Mapping[str, int], spared: Mapping[str, Collection[str]]) -> Rule:
    """Refuses shapes that differ between inputs in more dimensions than the kernel broadcasts; not
    for the types that an operator is spared for.
    """

    def rule(case: Case) -> Finding | None:
        most = table.get(case.name)
        shapes = {tensor.shape for tensor in case.inputs}
        rank = max((len(shape) for shape in shapes), default=0)
        if most is None or len(shapes) == 1 or rank <= most:
            return None
        if any(tensor.type in spared.get(case.name, ()) for tensor in case.inputs):
            return None
        return Finding(
            f"broadcasts over {rank} dimensions: the kernel has {most}, and TFLM would halt at a "
            "failed check",
            "reshape its inputs to fewer dimensions, or give both the same shape",
        )

    return rule


def constant_rule(table: Mapping[str, Mapping[int, str]], because: str) -> Rule:
    """Refuses inputs (index -> what it is) that the kernel reads before they are computed."""

    def rule(case: Case) -> Finding | None:
        for index, what in table.get(case.name, {}).items():
            tensor = case.input(index)
            if tensor is not None and not tensor.is_constant:
                return Finding(f"{what} must be constant: {because}", f"give {what} as a constant")
        return None

    return rule


def missing_options_rule(names: Collection[str], because: str) -> Rule:
    """Refuses operators whose options the kernel cannot do without."""

    def rule(case: Case) -> Finding | None:
        if case.name not in names or case.operator.options is not None:
            return None
        return Finding(
            f"its options are missing from the file: {because}", "convert the model again"
        )

    return rule


def quantization_rule(unread: Collection[str]) -> Rule:
    """Refuses 8-bit tensors without a scale, where the kernel would take it as 0."""

    def rule(case: Case) -> Finding | None:
        if case.name in unread:
            return None
        for tensor in (*case.inputs, *case.outputs):
            if tensor.type not in (I8, U8, I4):
                continue
            if not tensor.scales or len(tensor.zero_points) < len(tensor.scales):
                return Finding(
                    f"tensor {tensor.index} {tensor.name!r} is {tensor.type} without scale and "
                    "zero point",
                    "quantize the model with a converter",
                )
        return None

    return rule


def same_quantization_rule(
    names: Collection[str], types: Collection[str], spared: Mapping[str, Collection[int]]
) -> Rule:
    """Refuses inputs (but those spared, by index) whose raw integers are copied to an output that
    reads them with another scale or zero point.
    """

    def rule(case: Case) -> Finding | None:
        output = case.output
        if case.name not in names or output is None or output.type not in types:
            return None
        for index in range(len(case.operator.inputs)):
            tensor = case.input(index)
            if tensor is None or tensor.type != output.type or not tensor.scales:
                continue
            if index in spared.get(case.name, ()) or equally_quantized(tensor, output):
                continue
            return Finding(
                f"input and output differ in scale or zero point ({scale_text(tensor)} and "
                f"{scale_text(output)}): the kernel would copy raw values {WITHOUT_A_WORD}",
                "fuse the operator into the one before it, or give both the same quantization",
            )
        return None

    return rule


def fixed_output_rule(table: Mapping[tuple[str, str], tuple[float, int]]) -> Rule:
    """Refuses outputs (by operator and type) of another scale and zero point than the kernel
    takes for granted.
    """

    def rule(case: Case) -> Finding | None:
        output = case.output
        wanted = table.get((case.name, output.type)) if output is not None else None
        if output is None or wanted is None or not output.scales or not output.zero_points:
            return None
        scale, zero_point = wanted
        if isclose(output.scales[0], scale, rel_tol=1e-6) and output.zero_points[0] == zero_point:
            return None
        return Finding(
            f"its {output.type.lower()} output has scale and zero point {scale_text(output)}; the "
            f"kernel takes {scale:.5g}, {zero_point} for granted",
            "quantize with a converter that fixes this output's range",
        )

    return rule


def per_channel_rule(spared: Mapping[str, Collection[int]], kernels: str) -> Rule:
    """Refuses inputs with a scale for each channel, but those (by operator and index) whose kernel
    uses them; a bias in int32 or int64 has the scales of its weights and is read without.
    """

    def rule(case: Case) -> Finding | None:
        for index in range(len(case.operator.inputs)):
            tensor = case.input(index)
            if tensor is None or not tensor.is_per_channel or tensor.type in (I32, "INT64"):
                continue
            if index in spared.get(case.name, ()):
                continue
            return Finding(
                f"per-channel constant ({len(tensor.scales)} scales): {kernels} would use the "
                f"first scale for all channels {WITHOUT_A_WORD}",
                "quantize it per tensor, as hil model convert --scheme weight_only does",
            )
        return None

    return rule
