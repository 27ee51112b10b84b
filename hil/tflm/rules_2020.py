"""What the kernels of TFLM's generation 2020 refuse, get wrong without a word, or break on.

Each rule looks at one operator in the file. Rules marked "silent" guard against results that would
be wrong, and memory that would be overwritten, without any error on the device: docs/models.md
lists them with their places in TFLM's source.
"""

from __future__ import annotations

from math import isclose

from hil.model.info import TensorInfo
from hil.model.rule import (
    BOOL,
    F32,
    I8,
    I16,
    I32,
    I64,
    PER_CHANNEL,
    U8,
    WITHOUT_A_WORD,
    Case,
    Finding,
    Rule,
    RuleSet,
)
from hil.tflm.predicates import Ranks, broadcast_rule, rank_rule
from hil.tflm.remedies import IN_2024, TILE
from hil.tflm.rules_2020_operators import FIX, OWN_RULES

_DATA = frozenset({F32, I8, U8})
_FLOAT = frozenset({F32})

# Types of the first input that a kernel's Eval has a branch for; others fail when invoked.
TYPES: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        [
            "CONV_2D",
            "DEPTHWISE_CONV_2D",
            "FULLY_CONNECTED",
            "MAX_POOL_2D",
            "AVERAGE_POOL_2D",
            "SOFTMAX",
            "ADD",
            "SUB",
            "MUL",
            "RELU",
            "RELU6",
            "PRELU",
            "ARG_MAX",
            "ARG_MIN",
            "STRIDED_SLICE",
            "RESIZE_NEAREST_NEIGHBOR",
            "L2_NORMALIZATION",
        ],
        _DATA,
    ),
    **dict.fromkeys(
        [
            "ABS",
            "SIN",
            "COS",
            "LOG",
            "SQRT",
            "RSQRT",
            "SQUARE",
            "FLOOR",
            "CEIL",
            "ROUND",
            "NEG",
            "MEAN",
        ],
        _FLOAT,
    ),
    **dict.fromkeys(("LOGISTIC", "TANH", "SVDF"), frozenset({F32, I8})),
    **dict.fromkeys(("CONCATENATION", "PACK", "MAXIMUM", "MINIMUM"), _DATA | {I32, I64}),
    **dict.fromkeys(("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"), _DATA | {I32, I64}),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL"), _DATA | {I32, I64, BOOL}),
    **dict.fromkeys(("LOGICAL_OR", "LOGICAL_AND", "LOGICAL_NOT"), frozenset({BOOL})),
    **dict.fromkeys(("UNPACK", "PAD", "PADV2"), _DATA | {I32}),
    "SPLIT": _DATA | {I16, I32},
    "DEQUANTIZE": frozenset({I8, U8, I16}),
}
# Without its options an operator computes with whatever was in memory (silent).
NEEDS_OPTIONS = frozenset(
    [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "MAX_POOL_2D",
        "AVERAGE_POOL_2D",
        "FULLY_CONNECTED",
        "SOFTMAX",
        "CONCATENATION",
        "ADD",
        "MUL",
        "SUB",
        "SVDF",
        "STRIDED_SLICE",
        "PACK",
        "UNPACK",
    ]
)
# Raw 8-bit values are copied or compared: inputs and output must share scale and zero point.
SAME_QUANTIZATION = frozenset(
    [
        "RELU",
        "RELU6",
        "CONCATENATION",
        "MAX_POOL_2D",
        "AVERAGE_POOL_2D",
        "MAXIMUM",
        "MINIMUM",
        "PAD",
        "PADV2",
        "PACK",
        "UNPACK",
        "SPLIT",
        "STRIDED_SLICE",
        "RESHAPE",
        "RESIZE_NEAREST_NEIGHBOR",
    ]
)
# Inputs and output are read as one type, whatever they are.
ONE_TYPE = frozenset(["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "RELU", "RELU6", "FLOOR", "NEG"])
# Scale and zero point that the int8 kernel takes for granted in its output.
FIXED_OUTPUT = {
    "LOGISTIC": (1 / 256, -128),
    "TANH": (1 / 128, 0),
    "SOFTMAX": (1 / 256, -128),
    "L2_NORMALIZATION": (1 / 128, 0),
}
# Newer versions whose meaning did not change for what the rules here let through.
SAME_MEANING = frozenset(
    {
        *(("FULLY_CONNECTED", version) for version in (5, 6)),
        *((name, 2) for name in ("TANH", "RELU", "RELU6", "L2_NORMALIZATION")),
        *((name, 2) for name in ("STRIDED_SLICE", "ARG_MAX", "ARG_MIN", "MAXIMUM", "MINIMUM")),
        *((name, 3) for name in ("MAXIMUM", "MINIMUM", "SUB", "DEQUANTIZE")),
        ("SPLIT", 4),
        ("RESIZE_NEAREST_NEIGHBOR", 3),
    }
)
MAX_RANK = 5
_UP_TO_FOUR = (Ranks(0, 0, 4),)
# kernels/concatenation.cc, l2norm.cc, prelu.cc, strided_slice.cc; PadKernelMaxDimensionCount
RANKS = {
    "CONCATENATION": _UP_TO_FOUR,
    "L2_NORMALIZATION": _UP_TO_FOUR,
    "PAD": _UP_TO_FOUR,
    "PADV2": _UP_TO_FOUR,
    "PRELU": (Ranks(0, 0, 4), Ranks(1, 0, 4)),
    "STRIDED_SLICE": _UP_TO_FOUR,
}
# NdArrayDesc<4> of the broadcasting loops in kernels/internal/reference/
BROADCASTS = {
    **dict.fromkeys(("ADD", "MUL", "LOGICAL_AND", "LOGICAL_OR", "EQUAL", "NOT_EQUAL"), 4),
    **dict.fromkeys(("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"), 4),
}

# Operators that TFLM got until 2024.
SINCE_2020 = frozenset(
    """
    ADD_N ASSIGN_VARIABLE BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST
    CIRCULAR_BUFFER CUMSUM DEPTH_TO_SPACE DIV ELU EMBEDDING_LOOKUP EXP EXPAND_DIMS FILL FLOOR_DIV
    FLOOR_MOD GATHER GATHER_ND HARD_SWISH IF L2_POOL_2D LEAKY_RELU LOG_SOFTMAX MIRROR_PAD
    READ_VARIABLE REDUCE_MAX RESIZE_BILINEAR SELECT_V2 SHAPE SLICE SPACE_TO_BATCH_ND SPACE_TO_DEPTH
    SPLIT_V SQUARED_DIFFERENCE SQUEEZE SUM SignalDelay SignalEnergy SignalFftAutoScale
    SignalFilterBank SignalFilterBankLog SignalFilterBankSpectralSubtraction
    SignalFilterBankSquareRoot SignalFramer SignalIrfft SignalOverlapAdd SignalPCAN SignalRfft
    SignalStacker SignalWindow TFLite_Detection_PostProcess TRANSPOSE TRANSPOSE_CONV
    UNIDIRECTIONAL_SEQUENCE_LSTM VAR_HANDLE WHILE ZEROS_LIKE
    """.split()  # noqa: SIM905 - a list of names reads better as words
)

PER_TENSOR = (
    "hil model convert --per-tensor-dense makes it one; with TFLiteConverter: "
    "converter._experimental_disable_per_channel_quantization_for_dense_layers = True"
)
TO_INT8 = "quantize to int8 (hil model convert --scheme int8)"
TO_WEIGHT_ONLY = "weight_only keeps float32 arithmetic and runs"


# ---- all operators


def _hybrid(case: Case) -> Finding | None:
    data, weights = case.input(0), case.input(1)
    if case.name not in (*PER_CHANNEL, "FULLY_CONNECTED") or data is None or weights is None:
        return None
    if data.type == F32 and weights.type == I8:
        return Finding(
            "hybrid: float32 activations with int8 weights (dynamic range quantization)",
            f"{TO_INT8}; {TO_WEIGHT_ONLY}",
        )
    if data.type != weights.type and data.type in _DATA:
        return Finding(f"{data.type} activations with {weights.type} weights", "use one type")
    return None


def _types(case: Case) -> Finding | None:
    data = case.input(0)
    if data is None:
        return None
    if data.type == I16 and case.name not in ("QUANTIZE", "DEQUANTIZE", "SPLIT", "RESHAPE"):
        return Finding(
            "int16 activations (int16x8 quantization) have no kernels in this TFLM",
            f"{TO_INT8}; TFLM of 2024 has such kernels (--tflm 2024)",
        )
    if "FLOAT16" in (tensor.type for tensor in case.inputs):
        return Finding(
            "float16 weights: DEQUANTIZE does not take them", f"{TO_INT8}; {TO_WEIGHT_ONLY}"
        )
    if case.name == "MEAN" and data.type != F32:
        return Finding(
            f"MEAN takes float32 only here, this one is {data.type}",
            "use AveragePooling2D over the whole map instead of GlobalAveragePooling2D",
        )
    # SPLIT has its axis first.
    data = case.input(1) if case.name == "SPLIT" else data
    if data is not None and data.type not in TYPES.get(case.name, {data.type}):
        known = ", ".join(sorted(TYPES[case.name])).lower()
        return Finding(
            f"its kernel takes {known}, not {data.type.lower()}", "use another type there"
        )
    return None


def _one_type(case: Case) -> Finding | None:
    """Silent."""
    types = {tensor.type for tensor in (*case.inputs, *([case.output] if case.output else []))}
    if case.name not in ONE_TYPE or len(types) == 1:
        return None
    names = ", ".join(sorted(types)).lower()
    return Finding(
        f"mixes {names}: the kernel would read all of them as one {WITHOUT_A_WORD}",
        "use one type for its inputs and output",
    )


def _options(case: Case) -> Finding | None:
    """Silent."""
    if case.name not in NEEDS_OPTIONS or case.operator.options is not None:
        return None
    return Finding(
        "its options are missing from the file: TFLM would use whatever is in memory",
        "convert the model again",
    )


def _is_quantized(tensor: TensorInfo | None) -> bool:
    return tensor is not None and tensor.type in (I8, U8)


def _quantization_is_there(case: Case) -> Finding | None:
    """Silent."""
    for tensor in (*case.inputs, case.output):
        if tensor is None or not _is_quantized(tensor) or case.name in ("RESHAPE", "ARG_MAX"):
            continue
        if not tensor.scales or len(tensor.zero_points) < len(tensor.scales):
            return Finding(
                f"tensor {tensor.index} {tensor.name!r} is {tensor.type} without scale and zero "
                "point",
                "quantize the model with a converter",
            )
    return None


def _per_channel(case: Case) -> Finding | None:
    """Silent."""
    for index, tensor in enumerate(case.inputs):
        if not tensor.is_per_channel or (case.name in PER_CHANNEL and index > 0):
            continue
        # A bias in int32 has the scales of its weights.
        if tensor.type == I32:
            continue
        if case.name == "FULLY_CONNECTED":
            what, remedy = "per-channel weights", PER_TENSOR
        else:
            what = "per-channel constant"
            remedy = "quantize it per tensor, as hil model convert --scheme weight_only does"
        return Finding(
            f"{what} ({len(tensor.scales)} scales): this TFLM would use the first scale for all "
            f"channels {WITHOUT_A_WORD}",
            remedy,
        )
    return None


def _same_quantization(case: Case) -> Finding | None:
    """Silent."""
    output = case.output
    if case.name not in SAME_QUANTIZATION or output is None or not _is_quantized(output):
        return None
    if case.name == "CONCATENATION" and output.type == U8:
        return None  # rescales
    for tensor in case.inputs:
        if tensor.type != output.type or (tensor.is_constant and case.name in ("PAD", "PADV2")):
            continue
        if not _equally_quantized(tensor, output):
            return Finding(
                f"input and output differ in scale or zero point ({_scale_text(tensor)} and "
                f"{_scale_text(output)}): the kernel would copy raw values {WITHOUT_A_WORD}",
                "fuse the operator into the one before it, or give both the same quantization",
            )
    return None


def _equally_quantized(one: TensorInfo, other: TensorInfo) -> bool:
    return one.scales == other.scales and one.zero_points == other.zero_points


def _scale_text(tensor: TensorInfo) -> str:
    scale = f"{tensor.scales[0]:.5g}" if tensor.scales else "none"
    return f"{scale}, {tensor.zero_points[0] if tensor.zero_points else 0}"


def _fixed_output(case: Case) -> Finding | None:
    """Silent, but for SOFTMAX, which refuses when invoked."""
    output = case.output
    if case.name not in FIXED_OUTPUT or output is None or output.type != I8 or not output.scales:
        return None
    scale, zero_point = FIXED_OUTPUT[case.name]
    if isclose(output.scales[0], scale, rel_tol=1e-6) and output.zero_points[0] == zero_point:
        return None
    return Finding(
        f"its int8 output has scale and zero point {_scale_text(output)}; the kernel takes "
        f"{scale:.5g}, {zero_point} for granted",
        "quantize with a converter that fixes this output's range",
    )


COMMON_RULES: tuple[Rule, ...] = (
    _hybrid,
    _types,
    _options,
    rank_rule(RANKS, MAX_RANK, {"RESHAPE"}),
    broadcast_rule(BROADCASTS, {}),
    _one_type,
    _quantization_is_there,
    _per_channel,
    _same_quantization,
    _fixed_output,
)

RULES = RuleSet(
    common=COMMON_RULES,
    own=OWN_RULES,
    same_meaning=SAME_MEANING,
    instead_of={
        **dict.fromkeys(SINCE_2020, IN_2024),
        "EXPAND_DIMS": f"{FIX} makes it a RESHAPE",
        "SQUEEZE": f"{FIX} makes it a RESHAPE",
        "SPLIT_V": f"{FIX} replaces it by STRIDED_SLICE",
        "TILE": TILE,
        "TRANSPOSE": f"{FIX} makes it a RESHAPE where only dimensions of 1 move; {IN_2024}",
        "HARD_SWISH": f"use ReLU or ReLU6; {IN_2024}",
        "LEAKY_RELU": f"use ReLU or PReLU; {IN_2024}",
        "WHILE": f"unroll the recurrent layer (in Keras unroll=True), then {FIX}; {IN_2024}",
    },
    stops_at_unused=True,
)
