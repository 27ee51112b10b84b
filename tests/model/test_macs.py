from __future__ import annotations

from collections.abc import Sequence

import pytest

from hil.model.flatbuffer import parse_model
from hil.model.info import TensorInfo
from hil.model.macs import count_macs
from tests.state_models import Sizes, lstm_float


def tensor(shape: Sequence[int]) -> TensorInfo:
    return TensorInfo(0, "", "FLOAT32", tuple(shape), (), (), (), 0, False, False)


@pytest.mark.parametrize(
    ("name", "shapes", "output", "macs"),
    [
        ("CONV_2D", [(1, 8, 8, 3), (16, 3, 3, 3)], (1, 8, 8, 16), 8 * 8 * 16 * 27),
        ("DEPTHWISE_CONV_2D", [(1, 8, 8, 4), (1, 3, 3, 4)], (1, 8, 8, 4), 8 * 8 * 4 * 9),
        ("FULLY_CONNECTED", [(1, 144), (32, 144)], (1, 32), 32 * 144),
        ("TRANSPOSE_CONV", [(4,), (8, 3, 3, 2), (1, 4, 4, 2)], (1, 8, 8, 8), 32 * 8 * 9),
        ("BATCH_MATMUL", [(1, 4, 5), (1, 5, 6)], (1, 4, 6), 24 * 5),
        ("ADD", [(1, 4), (1, 4)], (1, 4), 0),
        ("CONV_2D", [(1, 8), (16, 3)], (1, 8), 0),
    ],
)
def test_macs_by_definition(
    name: str, shapes: list[tuple[int, ...]], output: tuple[int, ...], macs: int
) -> None:
    tensors = tuple(tensor(shape) for shape in (*shapes, output))
    assert count_macs(name, tuple(range(len(shapes))), (len(shapes),), tensors) == macs


def test_an_lstm_multiplies_for_every_step() -> None:
    model = parse_model(lstm_float(steps=3, sizes=Sizes(inputs=4, units=8)), "lstm")
    assert model.macs == 3 * 4 * (8 * 4 + 8 * 8)


def test_an_absent_input_counts_nothing() -> None:
    assert count_macs("FULLY_CONNECTED", (0, -1), (0,), (tensor((1, 4)),)) == 0
