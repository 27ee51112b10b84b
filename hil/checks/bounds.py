"""How far outputs may lie from a reference's; docs/numerics.md has the reasons at length."""

from __future__ import annotations

from dataclasses import dataclass

from hil.model.info import ModelInfo, OperatorInfo, TensorInfo

UNIT_ROUNDOFF = 2.0**-24  # of float32, rounding to nearest
LARGEST_SHARE = 1 / 3  # beyond this, of millions of roundings, the bound would be all of an output

# Outputs far below 1 come from cancelling values around 1, whose roundings they keep: 17 units in
# the last place of 1.
FLOAT_FLOOR = 1e-6

# What std::exp and the division behind it may be off, in roundings, besides the sum.
EXPONENTIAL_ROUNDINGS = 4
SUMS_OF_EXPONENTIALS = frozenset({"SOFTMAX", "LOG_SOFTMAX"})
EXPONENTIALS = frozenset({"LOGISTIC", "TANH", "ELU", *SUMS_OF_EXPONENTIALS})

# LiteRT rounds once where TFLM rounds twice: 1 LSB for each FULLY_CONNECTED layer. SOFTMAX's slope
# is 1/4 at most: of logits within +-32, 1 LSB is up to 32 / 128 / 4 = 1/16 of probability in
# 8 bits, whose LSB is 1/256, and 32 / 32,768 / 4 in 16 bits, whose LSB is 1/32,768.
LITERT_LSB = {"INT8": 16, "UINT8": 16, "INT16": 8}


@dataclass(frozen=True)
class Bound:
    """An error is within max(`absolute`, `relative` x M), M being the reference's largest magnitude
    in that vector, or in the median vector where that is larger; `absolute` in the tensor's own
    unit: LSB of integers, values of floats.
    """

    absolute: float = 0.0
    relative: float = 0.0


EXACT = Bound()


def device_bounds(model: ModelInfo, steps: int = 1) -> tuple[Bound, ...]:
    """Of each output, device against TFLM on the host: integers equal, floats within rounding."""
    rounding = float_bound(model, steps)
    return tuple(rounding if _is_float(tensor) else EXACT for tensor in model.output_tensors)


def litert_bounds(model: ModelInfo, steps: int = 1) -> tuple[Bound, ...]:
    """Of each output, device against LiteRT, which is shown and not judged.

    Integers without a scale, and wider ones, are indices and counts: nothing but equal is close.
    """
    rounding = float_bound(model, steps)
    return tuple(
        rounding if _is_float(tensor) else _litert_integers(tensor)
        for tensor in model.output_tensors
    )


def _litert_integers(tensor: TensorInfo) -> Bound:
    return Bound(LITERT_LSB.get(tensor.type, 0)) if tensor.scales else EXACT


def float_bound(model: ModelInfo, steps: int = 1) -> Bound:
    """What two correct float32 implementations may differ by after so many inferences of a model
    that remembers.

    Two orders of summing n products differ by at most 2 gamma(n) times the sum of the magnitudes,
    gamma(n) = n u / (1 - n u) (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
    section 3.1). n is the longest chain of roundings, all operators one after the other, `steps`
    times; the magnitudes are taken as the output's largest.
    """
    roundings = sum(_roundings(operator, model.tensors) for operator in model.operators)
    share = min(roundings * steps * UNIT_ROUNDOFF, LARGEST_SHARE)
    return Bound(FLOAT_FLOOR, 2 * share / (1 - share))


def _roundings(operator: OperatorInfo, tensors: tuple[TensorInfo, ...]) -> int:
    """Roundings on the way to one output element: what is summed, or 1."""
    outputs = [tensors[i] for i in operator.outputs if i >= 0]
    inputs = [tensors[i] for i in operator.inputs if i >= 0]
    elements = max((tensor.elements for tensor in outputs), default=0)
    if not elements or not inputs:
        return 0
    summed = max(operator.macs, inputs[0].elements) // elements
    if operator.name in SUMS_OF_EXPONENTIALS:
        summed = outputs[0].shape[-1] if outputs[0].shape else 1
    return max(1, summed) + (EXPONENTIAL_ROUNDINGS if operator.name in EXPONENTIALS else 0)


def _is_float(tensor: TensorInfo) -> bool:
    return tensor.type.startswith("FLOAT")
