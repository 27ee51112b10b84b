"""What kernels of TFLM's 2024 tree refuse, get wrong without a word, or break on.

The tree is that of the crate pico-tflmicro-sys 0.1.0 with the kernel libraries `cmsis_nn` and
`reference`. Each rule looks at one operator in the file.
"""

from __future__ import annotations

from hil.model.rule import Case, Finding, Rule, RuleSet
from hil.tflm import (
    rules_2024_convolution,
    rules_2024_operators,
    rules_2024_quantization,
    rules_2024_shapes,
    rules_2024_signal,
    rules_2024_state,
)
from hil.tflm.rules_2024_convolution import TO_INT8, hybrid, legacy_uint8
from hil.tflm.rules_2024_operators import float16, index_type, integers_of_other_kernels
from hil.tflm.rules_2024_types import Signature, signatures


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


CAUSES: tuple[Rule, ...] = (
    hybrid,
    legacy_uint8,
    float16,
    index_type,
    integers_of_other_kernels,
)
# What computes the same with operators that the tree has.
INSTEAD_OF = {
    "POW": "multiply instead: x * x for a square",
    "REDUCE_MIN": "negate, take the maximum (REDUCE_MAX), negate",
    "RELU_N1_TO_1": "clip with tf.clip_by_value (MINIMUM and MAXIMUM)",
    "REVERSE_V2": "reverse by a slice of stride -1, x[:, ::-1]",
    "SELECT": "use tf.where of TensorFlow 2, which gives SELECT_V2",
    "TILE": "for UpSampling2D use tf.image.resize(x, size, method='nearest')",
}
RULES = RuleSet(
    common=(
        *CAUSES,
        unknown_types,
        rules_2024_signal.missing_settings,
        *rules_2024_shapes.RULES,
        *rules_2024_quantization.RULES,
    ),
    own={
        **rules_2024_convolution.RULES,
        **rules_2024_operators.RULES,
        **rules_2024_signal.RULES,
        **rules_2024_state.RULES,
    },
    instead_of=INSTEAD_OF,
)
