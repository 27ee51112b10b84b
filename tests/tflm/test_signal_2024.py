"""Signal operators of the 2024 tree: added, run, judged by the wheel; refused without settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers

from hil.firmware.host_build import HostBuilder
from hil.reference.reference import has_tflm_wheel
from hil.tflm.source import TflmSource
from tests import models
from tests.models import Model, Operator, Tensor
from tests.tflm.rule_case import CMSIS_NN
from tests.tflm.test_rules_2024 import findings
from tests.tflm.tree_runner import TreeRunner, Values, build_runner

FLOAT32, INT16 = 0, 7  # TensorType
FFT, SAMPLES, CHANNELS = 64, 48, 6
SPECTRUM = 2 * (FFT // 2 + 1)


def packed(settings: Mapping[str, int | bool]) -> bytes:
    """The settings as a flexbuffer, its keys in order."""
    builder = flexbuffers.Builder()
    with builder.Map():
        for key in sorted(settings):
            if isinstance(settings[key], bool):
                builder.Bool(key, settings[key])
            else:
                builder.Int(key, settings[key])
    return bytes(builder.Finish())


def signal(name: str, inputs: list[int], outputs: list[int], **settings: int | bool) -> Operator:
    options = packed(settings) if settings else b""
    return Operator("CUSTOM", inputs, outputs, 1, None, f"Signal{name}", custom_options=options)


def constant(values: Any) -> Tensor:
    data = np.asarray(values, np.int16)
    return Tensor("INT16", data.shape, data)


def front_end() -> Model:
    """Windows, transforms, and sums one frame into channels, as micro_speech does."""
    bins = FFT // 2 + 1
    widths = [4] * (CHANNELS + 1)
    starts = [1 + 4 * i for i in range(CHANNELS + 1)]
    ramp = np.arange(4 * (CHANNELS + 1)) * 4096 // (4 * (CHANNELS + 1))
    tensors = [
        Tensor("INT16", (SAMPLES,), name="frame"),
        constant(np.hanning(SAMPLES) * 4096),
        Tensor("INT16", (SAMPLES,), name="windowed"),
        Tensor("INT16", (SAMPLES,), name="scaled"),
        Tensor("INT32", (), name="bits"),
        Tensor("INT16", (SPECTRUM,), name="spectrum"),
        Tensor("UINT32", (bins,), name="energy"),
        constant(ramp),
        constant(4096 - ramp),
        constant(starts),
        constant([4 * i for i in range(CHANNELS + 1)]),
        constant(widths),
        Tensor("UINT64", (CHANNELS,), name="sums"),
        Tensor("UINT32", (CHANNELS,), name="roots"),
        Tensor("UINT32", (CHANNELS,), name="cleaned"),
        Tensor("UINT32", (CHANNELS,), name="noise"),
        constant(np.linspace(30000, 100, 125)),
        Tensor("UINT32", (CHANNELS,), name="controlled"),
        Tensor("INT16", (CHANNELS,), name="features"),
    ]
    operators = [
        signal("Window", [0, 1], [2], shift=12),
        signal("FftAutoScale", [2], [3, 4]),
        signal("Rfft", [3], [5], T=INT16, fft_length=FFT),
        signal("Energy", [5], [6], start_index=0, end_index=bins),
        signal("FilterBank", [6, 7, 8, 9, 10, 11], [12], num_channels=CHANNELS),
        signal("FilterBankSquareRoot", [12, 4], [13]),
        signal(
            "FilterBankSpectralSubtraction",
            [13],
            [14, 15],
            alternate_one_minus_smoothing=15073,
            alternate_smoothing=1311,
            clamping=False,
            min_signal_remaining=819,
            num_channels=CHANNELS,
            one_minus_smoothing=15974,
            smoothing=410,
            smoothing_bits=10,
            spectral_subtraction_bits=14,
        ),
        signal("PCAN", [14, 15, 16], [17], snr_shift=6),
        signal("FilterBankLog", [17], [18], input_correction_bits=3, output_scale=1600),
    ]
    return Model(tensors, operators, [0], [18])


def alone(
    name: str,
    inputs: list[tuple[str, tuple[int, ...]]],
    *outputs: tuple[str, tuple[int, ...]],
    **settings: int | bool,
) -> Model:
    tensors = [Tensor(type_, shape) for type_, shape in (*inputs, *outputs)]
    taken, made = list(range(len(inputs))), list(range(len(inputs), len(tensors)))
    return Model(tensors, [signal(name, taken, made, **settings)], taken, made)


SAMPLED = ("INT16", (SAMPLES,))
SOUND = {
    "front-end": front_end(),
    "rfft-of-floats": alone(
        "Rfft", [("FLOAT32", (FFT,))], ("FLOAT32", (SPECTRUM,)), T=FLOAT32, fft_length=FFT
    ),
    "irfft": alone("Irfft", [("INT16", (SPECTRUM,))], ("INT16", (FFT,)), T=INT16, fft_length=FFT),
    "delay": alone("Delay", [SAMPLED], SAMPLED, delay_length=5),
    "framer": alone(
        "Framer",
        [SAMPLED],
        ("INT16", (3, 20)),
        ("BOOL", ()),
        frame_size=20,
        frame_step=16,
        prefill=True,
    ),
    "stacker": alone(
        "Stacker",
        [("INT16", (4,))],
        ("INT16", (12,)),
        ("BOOL", ()),
        num_channels=4,
        stacker_left_context=1,
        stacker_right_context=1,
        stacker_step=1,
    ),
    "overlap-add": alone(
        "OverlapAdd", [("INT16", (3, 20))], ("INT16", (48,)), T=INT16, frame_step=16
    ),
}
BROKEN = {
    "without settings": (alone("Delay", [SAMPLED], SAMPLED), "its settings are missing"),
    "a longer frame": (
        alone("Rfft", [("INT16", (80,))], ("INT16", (SPECTRUM,)), T=INT16, fft_length=FFT),
        "an FFT of length 64 between 80 samples and 66 numbers",
    ),
    "a shorter spectrum": (
        alone("Rfft", [("INT16", (48,))], ("INT16", (60,)), T=INT16, fft_length=FFT),
        "an FFT of length 64 between 48 samples and 60 numbers",
    ),
    "half a window": (
        alone("Window", [SAMPLED, ("INT16", (32,))], SAMPLED, shift=12),
        "48 samples under a window of 32",
    ),
}


@pytest.fixture(scope="module")
def runner(tflm_2024: TflmSource, tmp_path_factory: pytest.TempPathFactory) -> TreeRunner:
    builder = HostBuilder(tflm_2024, CMSIS_NN)
    return build_runner(builder, list(SOUND.values()), tmp_path_factory.mktemp("signal"))


def rows_of(model: Model) -> list[Values]:
    generator = np.random.default_rng(3)
    shapes = [(model.tensors[i].type, model.tensors[i].shape) for i in model.inputs]
    return [
        [
            generator.integers(-3000, 3000, shape).astype(
                np.float32 if t == "FLOAT32" else np.int16
            )
            for t, shape in shapes
        ]
        for _ in range(4)
    ]


def wheel(model: Model, rows: list[Values]) -> list[Values]:
    """What the tflite-micro wheel computes, without a reset between inferences."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(models.write(model))
    answers = []
    for row in rows:
        for index, array in enumerate(row):
            interpreter.set_input(array, index)
        interpreter.invoke()
        answers.append([interpreter.get_output(k) for k in range(len(model.outputs))])
    return answers


@pytest.mark.parametrize("name", SOUND)
def test_signal_operators_pass(name: str) -> None:
    assert findings(SOUND[name], CMSIS_NN) == []


@pytest.mark.parametrize("name", BROKEN)
def test_settings_that_do_not_fit_are_refused(name: str) -> None:
    model, says = BROKEN[name]
    assert any(says in finding.reason for finding in findings(model, CMSIS_NN))


@pytest.mark.toolchain
@pytest.mark.skipif(not has_tflm_wheel(), reason="the tflite-micro wheel is not installed")
@pytest.mark.parametrize("name", SOUND)
def test_the_tree_computes_what_the_wheel_computes(
    name: str, runner: TreeRunner, tmp_path: Path
) -> None:
    model = SOUND[name]
    rows = rows_of(model)
    result = runner.run(model, rows, tmp_path, fill=0x5A)
    assert result.code == 0, result.text
    for row, expected in zip(result.outputs, wheel(model, rows), strict=True):
        # The last output of framer and stacker says whether the first one was written.
        if row[-1].dtype == np.bool_:
            assert row[-1] == expected[-1]
            if not row[-1]:
                continue
        for one, other in zip(row, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)
