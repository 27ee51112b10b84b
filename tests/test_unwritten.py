"""A kernel that leaves its output unwritten is found, and named; one that writes it never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.bench.emulated import EmulatedBoard
from hil.data import Vectors, random_vectors
from hil.device import start_device
from hil.errors import DeviceFault
from hil.firmware.build import Builder
from hil.model.flatbuffer import read_model
from hil.target import Target
from hil.tflm.source import TflmSource
from hil.unwritten import check_outputs_written
from tests.conftest import SUITES
from tests.faulty_tree import copy_tree

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated]
TIMEOUT_S = 60.0
POOLING = "tensorflow/lite/micro/kernels/pooling.cc"


def check(builder: Builder, name: str) -> None:
    model = read_model(SUITES / "digits" / "models" / f"{name}.tflite")
    vectors: Vectors = random_vectors(model, 1, 0)
    board = EmulatedBoard(builder.target)
    device = start_device(board, builder.build(model), builder.target)
    try:
        check_outputs_written(device, model, vectors.input_bytes(0), TIMEOUT_S)
    finally:
        device.close()
        board.close()


@pytest.mark.parametrize("name", ["digits_int8", "digits_float32"])
def test_kernels_that_write_all_of_their_outputs_pass(builder: Builder, name: str) -> None:
    check(builder, name)


def test_an_unwritten_output_names_its_operator(
    tflm_2020: TflmSource, target: Target, tmp_path: Path
) -> None:
    tree = copy_tree(tflm_2020, tmp_path / "tree")
    kernel = tree.root / POOLING
    text = kernel.read_text()
    begin = "void MaxEvalQuantized("
    assert begin in text
    head, _, rest = text.partition(begin)
    signature, brace, body = rest.partition("{\n")
    guarded = f"{head}{begin}{signature}{brace}  if (input->dims->data[1] == 8) return;\n{body}"
    kernel.unlink()
    kernel.write_text(guarded)
    with pytest.raises(DeviceFault, match=r"operator \d+ MAX_POOL_2D returned without") as caught:
        check(Builder(target, tree), "digits_int8")
    assert "bytes of its output unwritten" in caught.value.message
