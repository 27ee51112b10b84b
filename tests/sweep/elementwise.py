"""Operators that work element by element, with one or two inputs."""

from __future__ import annotations

from collections.abc import Callable

from tests.models import TENSOR_TYPES
from tests.sweep.draft import TYPES, Draft, Feed, Quantization

Family = Callable[[Draft], None]

POSITIVE = Feed(0.001, 50)
MODERATE = Feed(-20, 20)
FLOAT_FEEDS = {
    "EXP": MODERATE,
    "LOG": POSITIVE,
    "RSQRT": POSITIVE,
    "SQRT": Feed(0, 50),
    "SIN": MODERATE,
    "COS": MODERATE,
    "TANH": Feed(-8, 8),
    "LOGISTIC": Feed(-12, 12),
    "HARD_SWISH": Feed(-6, 6),
    "RELU6": Feed(-3, 9),
}


def unary(draft: Draft) -> None:
    """y = f(x) of one type, the output's quantization like the input's or another."""
    shape = draft.any_shape()
    quantization = draft.with_room_above() if draft.operator == "RSQRT" else draft.quantization()
    feed = FLOAT_FEEDS.get(draft.operator) if draft.type == "FLOAT32" else None
    if draft.operator == "RSQRT" and quantization is not None:
        # Values below the zero point have no root: kernels stop there.
        feed = Feed(quantization.zero_point + 1, None)
    x = draft.input(draft.type, shape, quantization, feed)
    draft.output(draft.type, shape, draft.near(quantization))
    settings = {}
    if draft.operator == "LEAKY_RELU":
        settings["alpha"] = float(draft.pick(0.1, 0.01, 0.3, 1.0, 1.5, -0.5))
    draft.add([x], **settings)


def with_own_scale(draft: Draft) -> None:
    """TANH, LOGISTIC, L2_NORMALIZATION, LOG_SOFTMAX: the output's scale is the operator's own."""
    own = {
        ("TANH", "INT8"): Quantization(1 / 128, 0),
        ("TANH", "UINT8"): Quantization(1 / 128, 128),
        ("TANH", "INT16"): Quantization(1 / 32768, 0),
        ("LOGISTIC", "INT8"): Quantization(1 / 256, -128),
        ("LOGISTIC", "UINT8"): Quantization(1 / 256, 0),
        ("LOGISTIC", "INT16"): Quantization(1 / 32768, 0),
        ("L2_NORMALIZATION", "INT8"): Quantization(1 / 128, 0),
        ("L2_NORMALIZATION", "UINT8"): Quantization(1 / 128, 128),
        ("LOG_SOFTMAX", "INT8"): Quantization(16 / 256, 127),
    }
    low = 1 if draft.operator in ("L2_NORMALIZATION", "LOG_SOFTMAX") else 0
    shape = draft.shape(max(low, 1), 4)
    x = draft.input(draft.type, shape, draft.quantization(), FLOAT_FEEDS.get(draft.operator))
    if draft.type != "FLOAT32":
        draft.feeds[0] = Feed()
    fixed = own.get((draft.operator, draft.type))
    odd = draft.chance(0.1)
    draft.output(draft.type, shape, draft.quantization() if odd or fixed is None else fixed)
    draft.add([x])


def softmax(draft: Draft) -> None:
    """Softmax over the last axis; int8 also to int16."""
    shape = draft.shape(1, 4, 12)
    x = draft.input(draft.type, shape, draft.quantization())
    to = draft.type
    if draft.type == "INT8" and draft.chance(0.25):
        to = "INT16"
    scale = {"INT8": 1 / 256, "UINT8": 1 / 256, "INT16": 1 / 32768}.get(to)
    if draft.type == "INT8" and to == "INT16":
        scale = 1 / 65536
    zero = -128 if to == "INT8" else 0
    if draft.type == "INT8" and to == "INT16":
        zero = -32768
    if draft.chance(0.06):
        zero += 1
    draft.output(to, shape, None if scale is None else Quantization(scale, zero))
    draft.add([x], beta=float(draft.pick(1.0, 1.0, 1.0, 0.5, 2.0, 0.0)))


def broadcast(draft: Draft, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts against `shape`: equal, some ones, fewer dimensions, a scalar."""
    kind = draft.pick("equal", "equal", "ones", "short", "scalar")
    draft.note("broadcast", kind)
    if kind == "ones":
        return tuple(1 if draft.chance(0.5) else size for size in shape)
    if kind == "short" and len(shape) > 1:
        return shape[draft.integer(1, len(shape) - 1) :]
    if kind == "scalar":
        return (1,) if draft.chance(0.5) else ()
    return shape


def two_shapes(draft: Draft) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Shapes of two operands and their result; now and then both are broadcast."""
    result = draft.shape(5, 6, 3) if draft.chance(0.08) else draft.shape()
    first, second = result, broadcast(draft, result)
    if len(second) == len(first) and draft.chance(0.2):
        first = tuple(
            1 if size > 1 and other > 1 and draft.chance(0.4) else size
            for size, other in zip(first, second, strict=True)
        )
    return (second, first, result) if draft.chance(0.3) else (first, second, result)


ARITHMETIC_FEEDS = {
    ("DIV", "FLOAT32"): Feed(0.1, 4),
    ("FLOOR_DIV", "FLOAT32"): Feed(0.5, 4),
    ("FLOOR_MOD", "FLOAT32"): Feed(0.5, 4),
}
WHOLE = {"INT32": Feed(-(1 << 14), 1 << 14), "INT64": Feed(-(1 << 14), 1 << 14)}


def arithmetic(draft: Draft) -> None:
    """ADD, SUB, MUL, DIV, FLOOR_DIV, FLOOR_MOD, SQUARED_DIFFERENCE with their activations."""
    first, second, result = two_shapes(draft)
    quantization = draft.quantization()
    other = draft.with_room_above() if draft.chance(0.8) else quantization
    feed = WHOLE.get(draft.type, Feed())
    divides = draft.operator in ("DIV", "FLOOR_DIV", "FLOOR_MOD")
    if divides:
        feed = Feed(feed.low, feed.high, never_zero=True)
    divisor = ARITHMETIC_FEEDS.get((draft.operator, draft.type), feed)
    if divides and other is not None:
        other = draft.with_room_above()
        assert other is not None
        divisor = Feed(other.zero_point + 1, None)
    inputs = [draft.operand(first, quantization, WHOLE.get(draft.type))]
    inputs.append(draft.operand(second, other, divisor))
    draft.output(draft.type, result, _result_quantization(draft, quantization, other))
    settings = {}
    if draft.operator in ("ADD", "SUB", "MUL", "DIV"):
        settings["fusedActivationFunction"] = draft.activation()
    if draft.operator in ("ADD", "SUB"):
        settings["potScaleInt16"] = draft.pick(True, False, False)
    draft.add(inputs, **settings)


def _result_quantization(
    draft: Draft, first: Quantization | None, second: Quantization | None
) -> Quantization | None:
    """A scale that holds the result, in the middle of what converters find."""
    if first is None or second is None:
        return None
    steps = 32768.0 if draft.type == "INT16" else 128.0
    if draft.operator == "MUL":
        scale = first.scale * second.scale * steps * draft.rng.uniform(0.2, 1.2)
    elif draft.operator == "SQUARED_DIFFERENCE":
        scale = max(first.scale, second.scale) ** 2 * steps * draft.rng.uniform(0.5, 4)
    elif draft.operator in ("DIV", "FLOOR_DIV", "FLOOR_MOD"):
        scale = first.scale / second.scale * draft.rng.uniform(0.05, 1)
    else:
        scale = max(first.scale, second.scale) * draft.rng.uniform(0.7, 2.2)
    base = draft.quantization()
    assert base is not None
    return Quantization(float(scale), base.zero_point)


def comparison(draft: Draft) -> None:
    """Six comparisons and their broadcasts; the result is bool."""
    first, second, result = two_shapes(draft)
    quantization = draft.quantization()
    other = quantization if draft.chance(0.5) else draft.quantization()
    inputs = [draft.operand(first, quantization), draft.operand(second, other)]
    draft.output("BOOL", result)
    draft.add(inputs)


def same_scale_pair(draft: Draft) -> None:
    """MAXIMUM, MINIMUM, LOGICAL_AND, LOGICAL_OR: one scale for all three, at times not."""
    first, second, result = two_shapes(draft)
    quantization = draft.quantization()
    same = draft.chance(0.85)
    inputs = [
        draft.operand(first, quantization),
        draft.operand(second, quantization if same else draft.quantization()),
    ]
    draft.output(draft.type, result, quantization if same else draft.quantization())
    draft.add(inputs)


def add_n(draft: Draft) -> None:
    """The sum of two to five tensors of one shape."""
    shape = draft.any_shape()
    count = draft.integer(2, 5)
    quantizations = [draft.quantization() for _ in range(count)]
    inputs = [draft.input(draft.type, shape, q, WHOLE.get(draft.type)) for q in quantizations]
    draft.output(draft.type, shape, draft.quantization())
    draft.add(inputs)


def prelu(draft: Draft) -> None:
    """Slopes for each channel, each element, or one for all."""
    shape = draft.shape(1, 4)
    slopes = draft.pick(shape[-1:], shape[1:] or shape, (1,), shape)
    if len(shape) == 4 and draft.chance(0.5):
        slopes = (1, 1, shape[3])
    x = draft.input(draft.type, shape, draft.quantization())
    alpha = draft.random(draft.type, slopes, Feed(-1, 1) if draft.type == "FLOAT32" else None)
    a = draft.constant(draft.type, alpha, draft.quantization())
    draft.output(draft.type, shape, draft.quantization())
    draft.add([x, a])


def select(draft: Draft) -> None:
    """SELECT_V2: a condition and two branches, each broadcast."""
    first, second, result = two_shapes(draft)
    condition = draft.input("BOOL", draft.pick(result, first, second))
    quantization = draft.quantization()
    inputs = [condition, draft.operand(first, quantization), draft.operand(second, quantization)]
    shape = draft.tensors[condition].shape
    draft.note("condition", list(shape))
    draft.output(draft.type, result, quantization)
    draft.add(inputs)


def cast(draft: Draft) -> None:
    """From the main type to any other."""
    shape = draft.any_shape()
    to = draft.note("to", draft.pick(*TYPES))
    # What does not fit the other type is undefined in C++.
    low, high = {"INT8": (-128, 127), "UINT8": (0, 255), "BOOL": (0, 1)}.get(to, (-3e4, 3e4))
    feed = Feed(low, high) if draft.type in ("FLOAT32", "INT16", "INT32", "INT64") else Feed()
    x = draft.input(draft.type, shape, feed=feed)
    draft.output(to, shape)
    draft.add([x], inDataType=TENSOR_TYPES[draft.type], outDataType=TENSOR_TYPES[to])


def dequantize(draft: Draft) -> None:
    """To float32; the main type is the input's, now and then for each channel."""
    shape = draft.any_shape()
    x = draft.input(draft.type, shape, draft.quantization())
    if shape and draft.is_quantized and draft.chance(0.1):
        tensor = draft.tensors[x]
        axis = draft.integer(0, len(shape) - 1)
        tensor.quantized_dimension, count = axis, shape[axis]
        tensor.scales = tuple(0.01 * (i + 1) for i in range(count))
        tensor.zero_points = (0,) * count
        draft.note("per_channel", count)
    draft.output("FLOAT32", shape)
    draft.add([x])


def quantize(draft: Draft) -> None:
    """From the main type to a quantized one."""
    shape = draft.any_shape()
    to = draft.note("to", draft.pick("INT8", "INT8", "UINT8", "INT16", "INT32"))
    source = draft.quantization()
    target = draft.quantization(to) or Quantization(0.01, 0)
    if source is not None and draft.chance(0.5):
        target = Quantization(source.scale * float(draft.rng.uniform(0.5, 2)), target.zero_point)
    x = draft.input(draft.type, shape, source)
    draft.output(to, shape, target)
    draft.add([x])


def logical_not(draft: Draft) -> None:
    """Its one input is bool."""
    shape = draft.any_shape()
    x = draft.input(draft.type, shape)
    draft.output(draft.type, shape)
    draft.add([x])


UNARY = [
    "ABS",
    "CEIL",
    "COS",
    "ELU",
    "EXP",
    "FLOOR",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOG",
    "NEG",
    "RELU",
    "RELU6",
    "ROUND",
    "RSQRT",
    "SIN",
    "SQRT",
    "SQUARE",
    "ZEROS_LIKE",
]
ARITHMETIC = ["ADD", "SUB", "MUL", "DIV", "FLOOR_DIV", "FLOOR_MOD", "SQUARED_DIFFERENCE"]
COMPARISONS = ["EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"]
FAMILIES: dict[str, Family] = {
    **dict.fromkeys(UNARY, unary),
    **dict.fromkeys(ARITHMETIC, arithmetic),
    **dict.fromkeys(COMPARISONS, comparison),
    **dict.fromkeys(("MAXIMUM", "MINIMUM", "LOGICAL_AND", "LOGICAL_OR"), same_scale_pair),
    **dict.fromkeys(("TANH", "LOGISTIC", "L2_NORMALIZATION", "LOG_SOFTMAX"), with_own_scale),
    "SOFTMAX": softmax,
    "ADD_N": add_n,
    "PRELU": prelu,
    "SELECT_V2": select,
    "CAST": cast,
    "DEQUANTIZE": dequantize,
    "QUANTIZE": quantize,
    "LOGICAL_NOT": logical_not,
}
