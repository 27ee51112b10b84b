"""What a file was made for, where that is not an interpreter with built-in operators."""

from __future__ import annotations

from hil.model.info import ModelInfo
from hil.model.rule import Finding

ETHOS_U = "ethos-u"  # written by Vela
EDGE_TPU = "edgetpu-custom-op"  # written by edgetpu_compiler
FLEX_PREFIX = "Flex"  # operators of TensorFlow, through its delegate


def made_for(model: ModelInfo) -> Finding | None:
    """That the file was compiled for an accelerator or needs TensorFlow, and what to give instead;
    None for others.
    """
    custom = [operator.name for operator in model.operators if operator.is_custom]
    if ETHOS_U in custom:
        return Finding("compiled for Ethos-U (by Vela)", "give the file from before Vela")
    if EDGE_TPU in custom:
        return Finding(
            "compiled for the Edge TPU (by edgetpu_compiler)",
            "give the file from before edgetpu_compiler",
        )
    flex = sorted({name for name in custom if name.startswith(FLEX_PREFIX)})
    if flex:
        return Finding(
            f"uses operators of TensorFlow itself ({', '.join(flex)})",
            "convert without tf.lite.OpsSet.SELECT_TF_OPS, after replacing the layers that need "
            f"{', '.join(name.removeprefix(FLEX_PREFIX) for name in flex)}",
        )
    return None
