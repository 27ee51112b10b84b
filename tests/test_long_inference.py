"""An inference that goes around the 32 bits of CYCCNT, for real: ten seconds of emulation each."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.emulated import EmulatedBoard
from hil.data import random_vectors
from hil.device import start_device
from hil.firmware.build import Builder
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.profile import measure_profile
from hil.progress import silent
from hil.rounds import COUNTER_WRAP, RoundPolicy
from hil.sanity import check_sanity
from hil.stream import stream
from hil.target import Target
from hil.tflm.source import TflmSource
from tests.models import Model, Operator, Tensor, write

pytestmark = [pytest.mark.slow, pytest.mark.emulated, pytest.mark.toolchain]

LAYERS, SIZE, CHANNELS = 8, 32, 64
TIMEOUT_S = 300.0


def convolutions() -> ModelInfo:
    """302 million MACs in int8, at more than 14 instructions each."""
    random = np.random.default_rng(0)
    shape = (1, SIZE, SIZE, CHANNELS)
    tensors = [Tensor("INT8", shape, scales=(0.1,), name="x")]
    operators = []
    for layer in range(LAYERS):
        weights = random.integers(-20, 20, (CHANNELS, 3, 3, CHANNELS)).astype(np.int8)
        bias = np.zeros(CHANNELS, np.int32)
        at = len(tensors)
        tensors += [
            Tensor("INT8", weights.shape, weights, scales=(0.01,), name=f"weights{layer}"),
            Tensor("INT32", bias.shape, bias, scales=(0.001,), name=f"bias{layer}"),
            Tensor("INT8", shape, scales=(0.1,), name=f"y{layer}"),
        ]
        settings = {"padding": 0, "strideW": 1, "strideH": 1}
        settings |= {"dilationWFactor": 1, "dilationHFactor": 1}
        inputs = (0 if layer == 0 else at - 1, at, at + 1)
        operators.append(Operator("CONV_2D", inputs, (at + 2,), 3, settings=settings))
    content = write(Model(tensors, operators, (0,), (len(tensors) - 1,)))
    return parse_model(content, "convolutions")


def test_cycles_are_whole_after_the_counter_came_around(
    board: EmulatedBoard, tflm_2020: TflmSource, target: Target
) -> None:
    builder = Builder(target, tflm_2020)  # its kernels are slow enough
    model = convolutions()
    vectors = random_vectors(model, 1, 0)
    device = start_device(board, builder.build(model), target)
    try:
        before = board.executed_instructions()
        once = RoundPolicy(min_rounds=1, max_time_s=0)
        clock_hz = target.clock.core_clock_hz
        streamed = stream(device, board, model, vectors, clock_hz, once, silent)
        after = board.executed_instructions()
        window = check_sanity(device, board, target).empty_window_cycles
        inputs = vectors.input_bytes(0)
        profile = measure_profile(device, model, inputs, window, TIMEOUT_S)
    finally:
        device.close()
    assert before is not None
    assert after is not None
    (cycles,) = streamed.cycles
    assert COUNTER_WRAP < cycles < 2 * COUNTER_WRAP
    # A warm-up, the trace that tells how often it came around, and the sample itself.
    assert 3 * cycles < after - before < 3.1 * cycles
    assert profile.clean_cycles == cycles - window
    assert 0 < profile.rest_cycles < 0.01 * cycles
