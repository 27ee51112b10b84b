"""Types and activations that no kernel of TFLM's 2024 tree computes with.

Places: `K/` = `tensorflow/lite/micro/kernels/`.
"""

from __future__ import annotations

from hil.model.rule import I32, I64, SILENTLY, Case, Finding, Rule
from hil.tflm.predicates import CLAMPS
from hil.tflm.rules_2024_convolution import TO_INT8, bias_of_int32, hybrid, legacy_uint8
from hil.tflm.rules_2024_types import Signature, signatures

FUSING = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DIV",
        "FULLY_CONNECTED",
        "L2_POOL_2D",
        "MAX_POOL_2D",
        "MUL",
        "SUB",
        "TRANSPOSE_CONV",
    }
)
PLAIN_INT32 = frozenset({"ADD", "DIV", "MUL"})
CASTABLE = frozenset({"SUB", "NEG", "FLOOR_DIV", "FLOOR_MOD", "ABS", "SQUARE", "SUM", "MEAN"})


def no_such_activation(case: Case) -> Finding | None:
    """CalculateActivationRange knows NONE, RELU, RELU_N1_TO_1 and RELU6."""
    if case.name not in FUSING or case.option("fusedActivationFunction") in CLAMPS:
        return None
    return Finding(
        f"its fused activation is none that clamps, and the kernel ignores it: {SILENTLY}",
        "apply it as an operator of its own (TANH)",
        "K/conv_common.cpp, K/pooling_common.cpp",
    )


def scaled_int32(case: Case) -> Finding | None:
    """Refused in Prepare, or taken as plain integers."""
    if case.name not in PLAIN_INT32:
        return None
    for tensor in (*case.inputs, *case.outputs):
        if tensor.type == I32 and tensor.scales:
            return Finding(
                f"an int32 tensor has the scale {tensor.scales[0]:.3g}, the kernel takes plain "
                "integers",
                "quantize it to int8 or int16, or leave the scale out",
                "K/add_common.cpp, K/div.cpp",
            )
    return None


def index_type(case: Case) -> Finding | None:
    """int64 axes and indices: most kernels read int32 only."""
    named = {
        "ARG_MAX": "output_type=tf.int32",
        "ARG_MIN": "output_type=tf.int32",
    }
    output = case.output
    if case.name in named and output is not None and output.type == I64:
        return Finding(
            "its output is int64, the kernel gives int32",
            f"pass {named[case.name]}",
            "K/arg_min_max.cpp",
        )
    if case.name == "SHAPE" and output is not None and output.type == I64:
        return Finding(
            "its output is int64, the kernel gives int32",
            "pass out_type=tf.int32",
            "K/shape.cpp",
        )
    return None


def float16(case: Case) -> Finding | None:
    """DEQUANTIZE refuses float16 in Prepare."""
    if "FLOAT16" not in (tensor.type for tensor in case.inputs):
        return None
    return Finding(
        f"float16 weights: {case.name} does not take them",
        "quantize to int8 (hil model convert --scheme int8); weight_only keeps float32 arithmetic "
        "and runs",
        "K/dequantize_common.cpp",
    )


def integers_of_other_kernels(case: Case) -> Finding | None:
    """Operators that compute int32 in LiteRT and only float32 and quantized types here."""
    data = case.input(0)
    if data is None or data.type != I32 or case.name not in CASTABLE:
        return None
    return Finding(
        f"no kernel for {data.type.lower()}",
        "cast to float32 before it and back after it: exact up to 16,777,216",
        "K/sub.cpp",
    )


CAUSES: tuple[Rule, ...] = (
    hybrid,
    legacy_uint8,
    bias_of_int32,
    float16,
    index_type,
    integers_of_other_kernels,
)


def unknown_types(case: Case) -> Finding | None:
    """No branch of the kernel for these types: refused at Invoke, read as others, or unwritten."""
    if any(rule(case) for rule in CAUSES):
        return None
    known = signatures(case.name, case.kernels)
    inputs = [tensor.type if tensor else None for tensor in map(case.input, _indices(case))]
    outputs = [tensor.type for tensor in case.outputs]
    if not known or any(signature.takes(inputs, outputs) for signature in known):
        return None
    return Finding(
        f"no kernel for these types: it takes {_listed(known)}",
        TO_INT8 if _has_int8(known) else "compute it in one of these types",
    )


def _indices(case: Case) -> range:
    return range(len(case.operator.inputs))


def _listed(known: tuple[Signature, ...]) -> str:
    return " or ".join(f"({signature.text})" for signature in known)


def _has_int8(known: tuple[Signature, ...]) -> bool:
    return any("int8" in signature.text for signature in known)


RULES: tuple[Rule, ...] = (*CAUSES, unknown_types, no_such_activation, scaled_int32)
