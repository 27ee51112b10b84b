"""What the rules for the 2024 tree say holds on the emulated board, too, and remedies run there.

Several models side by side are one image each time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hil.bench.emulated import EmulatedBoard
from hil.device import start_device
from hil.errors import DeviceFault
from hil.firmware.build import Builder
from hil.model.flatbuffer import parse_model
from hil.target import Target
from hil.tflm.source import TflmSource
from tests import models
from tests.models import Model
from tests.tflm.cases_state import Lstm, svdf
from tests.tflm.one_operator import side_by_side
from tests.tflm.rule_case import CMSIS_NN, REFERENCE
from tests.tflm.test_rules_2024 import CASES, equal, litert, vectors
from tests.tflm.tree_runner import DTYPES, Values

pytestmark = [pytest.mark.emulated, pytest.mark.toolchain]

BY_NAME = {case.name: case for case in CASES}
# Each goes wrong without a word and harms no other model in the same arena.
WRONG = (
    "dense-per-channel",
    "conv-int16-grouped",
    "max-pool-batch",
    "transposed-int8-relu",
    "tanh-of-another-scale",
    "relu6-of-two-scales",
    "half-pixel-centers",
    "matrices-with-a-transposed-left-side",
)
ON_REFERENCE = ("dense-per-channel", "conv-int16-grouped", "max-pool-batch")
INFER_TIMEOUT_S = 60.0


def on_board(
    model: Model,
    kernels: str,
    tflm: TflmSource,
    target: Target,
    board: EmulatedBoard,
    rows: Sequence[Values],
) -> list[Values]:
    """The outputs of each inference."""
    image = Builder(target, tflm, kernels).build(parse_model(models.write(model), "rules"))
    device = start_device(board, image, target)
    try:
        answers = [
            device.infer([array.tobytes() for array in row], INFER_TIMEOUT_S).outputs
            for row in rows
        ]
    finally:
        device.close()
    outputs = [model.tensors[index] for index in model.outputs]
    return [
        [
            np.frombuffer(content, DTYPES[tensor.type]).reshape(tensor.shape)
            for tensor, content in zip(outputs, answer, strict=True)
        ]
        for answer in answers
    ]


def differing(some: list[Values], others: list[Values]) -> list[bool]:
    """For each output, whether any inference computes it otherwise."""
    return [
        any(
            not np.allclose(row[k], other[k], rtol=1e-5, atol=1e-6)
            for row, other in zip(some, others, strict=True)
        )
        for k in range(len(some[0]))
    ]


def test_without_the_rules_the_board_computes_wrong(
    tflm_2024: TflmSource, target: Target, board: EmulatedBoard
) -> None:
    together = side_by_side([BY_NAME[name].model for name in WRONG])
    rows = vectors(together)
    judged = litert(together, rows)
    assert judged is not None
    found = on_board(together, CMSIS_NN, tflm_2024, target, board, rows)
    assert dict(zip(WRONG, differing(found, judged), strict=True)) == dict.fromkeys(WRONG, True)


def test_with_the_remedies_the_board_computes_right(
    tflm_2024: TflmSource, target: Target, board: EmulatedBoard
) -> None:
    names = [name for name in WRONG if name not in ON_REFERENCE]
    fixed = [case.fixed for name in names if (case := BY_NAME[name]).fixed is not None]
    together = side_by_side([model for model in fixed if model is not None])
    rows = vectors(together)
    judged = litert(together, rows)
    assert judged is not None
    found = on_board(together, CMSIS_NN, tflm_2024, target, board, rows)
    assert dict(zip(names, differing(found, judged), strict=True)) == dict.fromkeys(names, False)


def test_with_the_reference_kernels_the_board_computes_right(
    tflm_2024: TflmSource, target: Target, board: EmulatedBoard
) -> None:
    together = side_by_side([BY_NAME[name].model for name in ON_REFERENCE])
    rows = vectors(together)
    judged = litert(together, rows)
    assert judged is not None
    found = on_board(together, REFERENCE, tflm_2024, target, board, rows)
    assert not any(differing(found, judged))


def test_an_int8_svdf_and_lstm_have_images(
    tflm_2024: TflmSource, target: Target, board: EmulatedBoard
) -> None:
    """The resolver does not include the headers of their registrations for int8."""
    together = side_by_side([svdf("INT8"), Lstm().model()])
    rows = vectors(together)[:1]
    judged = litert(together, rows)
    assert judged is not None
    found = on_board(together, REFERENCE, tflm_2024, target, board, rows)
    assert equal(found, judged, 1)


def test_an_int8_lstm_of_cmsis_nn_faults_in_an_arena_that_is_not_zero(
    tflm_2024: TflmSource, target: Target, board: EmulatedBoard
) -> None:
    model = Lstm().model()
    info = parse_model(models.write(model), "lstm")
    device = start_device(board, Builder(target, tflm_2024, CMSIS_NN).build(info), target)
    try:
        device.memory(poison=True)
        device.allocate()
        with pytest.raises(DeviceFault):
            device.infer([array.tobytes() for array in vectors(model)[1]], INFER_TIMEOUT_S)
    finally:
        device.close()
