"""Who says what a model's outputs should be: LiteRT's reference kernels, and the host's TFLM.

The wheel of TFLM shares code with the tree under test, so it alone proves little; LiteRT has no
signal operators and differs from TFLM where `tolerance` and `explained` say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hil.errors import HilError
from hil.model.flatbuffer import parse_model
from hil.model.info import NUMPY_DTYPES, ModelInfo
from hil.reference.reference import ChildReference, ReferenceName
from tests.models import Model, Tensor, write
from tests.sweep.draft import Array, Drawn

NO_KERNEL = "Didn't find op"
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
CONVOLUTION_INPUTS = 3  # image, weights, bias


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
        self._open()

    def _open(self) -> None:
        self._litert = ChildReference(ReferenceName.LITERT_REF)
        # Its reference resolver lacks CEIL, ELU, ROUND.
        self._litert_more = ChildReference(ReferenceName.LITERT_OPT)
        self._wheel = ChildReference(ReferenceName.TFLM)

    def ask(self, drawn: Drawn, model: ModelInfo, inputs: list[Array]) -> Judgement:
        """What they make of the vectors in `inputs`, in their order."""
        biased = parse_model(write(with_bias(drawn.model)), model.name)
        return Judgement(self._by_litert(biased, inputs), _opinion(self._wheel, model, inputs))

    def ask_file(self, model: ModelInfo, inputs: list[Array]) -> Judgement:
        """As `ask`, of a model that was not drawn."""
        return Judgement(self._by_litert(model, inputs), _opinion(self._wheel, model, inputs))

    def _by_litert(self, model: ModelInfo, inputs: list[Array]) -> Opinion:
        opinion = _opinion(self._litert, model, inputs)
        if NO_KERNEL in opinion.refusal:
            return _opinion(self._litert_more, model, inputs)
        return opinion

    def restart(self) -> None:
        """New processes: a model before may have written where it should not."""
        self.close()
        self._open()

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


def with_bias(model: Model) -> Model:
    """The same convolution with a bias of zeros where it has none: LiteRT wants one."""
    operator = model.operators[0]
    kept = [i for i in operator.inputs if i >= 0]
    if operator.name not in CONVOLUTIONS or len(kept) == CONVOLUTION_INPUTS:
        return model
    image, weights = (model.tensors[i] for i in kept)
    outputs = model.tensors[model.outputs[0]].shape[-1]
    type_ = {"FLOAT32": "FLOAT32", "INT16": "INT64"}.get(image.type, "INT32")
    zeros = np.zeros(outputs, NUMPY_DTYPES[type_])
    scales = tuple(image.scales[0] * scale for scale in weights.scales) if image.scales else ()
    bias = Tensor(type_, (outputs,), zeros, scales, name="no_bias")
    inputs = [*kept, len(model.tensors)]
    return replace(
        model,
        tensors=[*model.tensors, bias],
        operators=[replace(operator, inputs=inputs), *model.operators[1:]],
    )
