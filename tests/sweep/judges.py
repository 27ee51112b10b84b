"""Who says what a model's outputs should be: LiteRT's reference kernels, and the host's TFLM.

The wheel of TFLM shares code with the tree under test, so it alone proves little; LiteRT has no
signal operators and differs from TFLM where `tolerance` and `explained` say so.
"""

from __future__ import annotations

from dataclasses import dataclass

from hil.errors import HilError
from hil.model.info import ModelInfo
from hil.reference.reference import ChildReference, ReferenceName
from tests.sweep.draft import Array

NO_KERNEL = "Didn't find op"


@dataclass(frozen=True)
class Opinion:
    """Outputs by one judge, for each output an array of N x its shape; or why there are none."""

    outputs: tuple[Array, ...] | None
    refusal: str = ""


@dataclass(frozen=True)
class Judgement:
    """Both opinions on one model."""

    litert: Opinion
    wheel: Opinion


class Judges:
    """Both in child processes, kept warm; to be closed."""

    def __init__(self) -> None:
        self._litert = ChildReference(ReferenceName.LITERT_REF)
        # Its reference resolver lacks CEIL, ELU, ROUND.
        self._litert_more = ChildReference(ReferenceName.LITERT_OPT)
        self._wheel = ChildReference(ReferenceName.TFLM)

    def ask(self, model: ModelInfo, inputs: list[Array]) -> Judgement:
        """What they make of the vectors in `inputs`, in their order."""
        litert = _opinion(self._litert, model, inputs)
        if NO_KERNEL in litert.refusal:
            litert = _opinion(self._litert_more, model, inputs)
        return Judgement(litert, _opinion(self._wheel, model, inputs))

    def close(self) -> None:
        """Ends their processes."""
        self._litert.close()
        self._litert_more.close()
        self._wheel.close()


def _opinion(reference: ChildReference, model: ModelInfo, inputs: list[Array]) -> Opinion:
    try:
        return Opinion(reference.run(model, inputs).outputs)
    except HilError as failure:
        return Opinion(None, f"{failure.message.splitlines()[0]} {failure.detail}".strip())
