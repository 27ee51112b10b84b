"""What kernels of TFLM's 2024 tree refuse, get wrong without a word, or break on.

The tree is that of the crate pico-tflmicro-sys 0.1.0 with the kernel libraries `cmsis_nn` and
`reference`. Each rule looks at one operator in the file.
"""

from __future__ import annotations

from hil.model.rule import RuleSet
from hil.tflm import (
    rules_2024_arithmetic,
    rules_2024_convolution,
    rules_2024_operators,
    rules_2024_quantization,
    rules_2024_shapes,
    rules_2024_signal,
    rules_2024_state,
)
from hil.tflm.remedies import TILE

# What computes the same with operators that the tree has.
INSTEAD_OF = {
    "POW": "multiply instead: x * x for a square",
    "REDUCE_MIN": "negate, take the maximum (REDUCE_MAX), negate",
    "RELU_N1_TO_1": "clip with tf.clip_by_value (MINIMUM and MAXIMUM)",
    "REVERSE_V2": "reverse by a slice of stride -1, x[:, ::-1]",
    "SELECT": "use tf.where of TensorFlow 2, which gives SELECT_V2",
    "TILE": TILE,
}
RULES = RuleSet(
    common=(
        *rules_2024_arithmetic.RULES,
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
