"""Recurrent operators and their state in TFLM's 2024 tree: LSTM and SVDF.

Places: `K/` = `tensorflow/lite/micro/kernels/`, `N/` = `third_party/cmsis_nn/Source/`.
"""

from __future__ import annotations

from math import frexp

from hil.model.rule import F32, I8, I16, I32, I64, SILENTLY, WITHOUT_A_WORD, Case, Finding, Rule
from hil.tflm.predicates import equally_quantized, scale_text
from hil.tflm.rules_2024_types import CMSIS_NN, REFERENCE

TANH = 4  # ActivationFunctionType.TANH
AGAIN = "convert the model again"
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
LSTM_INPUTS = 24
GATES = "weights of all four gates"
# Inputs of an LSTM by index, K/lstm_shared.h.
LSTM_WEIGHTS = range(1, 9)
LSTM_BIASES = range(12, 16)
LSTM_STATES = (18, 19)
LSTM_ABSENT = {
    9: "peephole connections",
    10: "peephole connections",
    11: "peephole connections",
    16: "a projection",
    17: "a projection",
    20: "layer normalization",
    21: "layer normalization",
    22: "layer normalization",
    23: "layer normalization",
}
# activations, weights, biases, cell state
LSTM_TYPES = ((F32, F32, F32, F32), (I8, I8, I32, I16), (I16, I8, I64, I16))
SVDF_STATE, SVDF_BIAS = 4, 3
BIAS_TOLERANCE = 1e-5
MOST_CELL_SCALE, LEAST_CELL_SCALE = 2.0**-9, 2.0**-15
INT8_LOWEST = -128
NO_ACTIVATION, RELU = 0, 1


def _lstm_inputs(case: Case) -> Finding | None:
    """K/lstm_eval.cpp, LstmTensors::ValidateTensorStatus."""
    count = len(case.operator.inputs)
    if count != LSTM_INPUTS:
        return Finding(f"{count} inputs, the kernel reads {LSTM_INPUTS}", AGAIN, "K/lstm_eval.cpp")
    for index, what in LSTM_ABSENT.items():
        if case.input(index) is not None:
            return Finding(
                f"{what}, which the kernel does not have",
                "use keras.layers.LSTM, whose cell has none of these",
                "K/lstm_eval.cpp",
            )
    if any(case.input(index) is None for index in (*LSTM_WEIGHTS, *LSTM_BIASES)):
        return Finding(
            f"the kernel wants {GATES}, this one couples two of them",
            "use keras.layers.LSTM, whose cell has all four gates",
            "K/lstm_eval.cpp",
        )
    return None


def _lstm_types(case: Case) -> Finding | None:
    data, weights, bias, cell = (case.input(index) for index in (0, 1, 12, 19))
    if data is None or weights is None or bias is None or cell is None:
        return None
    found = (data.type, weights.type, bias.type, cell.type)
    same_weights = {t.type for i in LSTM_WEIGHTS if (t := case.input(i)) is not None}
    if found in LSTM_TYPES and same_weights == {weights.type}:
        return None
    if data.type == F32 and weights.type == I8:
        return Finding(
            "hybrid: float32 activations with int8 weights (dynamic range quantization), which it "
            f"would read as floats {WITHOUT_A_WORD}",
            "quantize to int8 (hil model convert --scheme int8)",
            "K/lstm_eval.cpp",
        )
    names = ", ".join(name.lower() for name in found)
    return Finding(
        f"no kernel for activations, weights, biases and cell state of {names}",
        "quantize to int8 (hil model convert --scheme int8)",
        "K/cmsis_nn/unidirectional_sequence_lstm.cpp",
    )


def _states_are_variable(case: Case) -> Finding | None:
    states = LSTM_STATES if case.name == LSTM else (SVDF_STATE,)
    for index in states:
        state = case.input(index)
        if state is None or not state.is_variable:
            return Finding("its state is no variable tensor", AGAIN, "K/lstm_eval.cpp")
    return None


def _cell_scale(case: Case) -> Finding | None:
    """CheckedLog2 says that it is none, and nobody listens (K/lstm_eval_common.cpp)."""
    cell = case.input(19)
    if cell is None or cell.type != I16 or not cell.scales:
        return None
    is_power = frexp(cell.scales[0])[0] == 0.5
    in_range = LEAST_CELL_SCALE <= cell.scales[0] <= MOST_CELL_SCALE
    if is_power and in_range and not any(cell.zero_points):
        return None
    return Finding(
        f"its cell state has scale and zero point {scale_text(cell)}; the kernel takes a power of "
        f"two from {LEAST_CELL_SCALE:.2g} to {MOST_CELL_SCALE:.2g} and 0 for granted",
        "quantize with a converter that fixes it, as hil model convert does",
        "K/lstm_eval_common.cpp",
    )


def _symmetric_gates(case: Case) -> Finding | None:
    for index in LSTM_WEIGHTS:
        weights = case.input(index)
        if weights is not None and weights.type == I8 and any(weights.zero_points):
            return Finding(
                f"its weights have the zero point {weights.zero_points[0]}, which the kernel "
                f"ignores: {SILENTLY}",
                "quantize the weights symmetrically",
                "K/lstm_eval_common.cpp",
            )
    return None


def _cell_activation(case: Case) -> Finding | None:
    if case.option("fusedActivationFunction") == TANH:
        return None
    return Finding(
        f"its cell activation is not tanh, which the kernel takes for granted: {SILENTLY}",
        "use activation='tanh'",
        "K/lstm_eval.h",
    )


def _hidden_state(case: Case) -> Finding | None:
    hidden, output = case.input(18), case.output
    if hidden is None or output is None or output.type == F32:
        return None
    if equally_quantized(hidden, output):
        return None
    return Finding(
        f"hidden state and output differ in scale or zero point ({scale_text(hidden)} and "
        f"{scale_text(output)}): the kernel would copy raw values {WITHOUT_A_WORD}",
        "quantize both with the same range",
        "K/lstm_eval.h",
    )


def _unset_buffer(case: Case) -> Finding | None:
    """CreateLSTMBuffers asks for the fourth scratch buffer, of which int8 requests three."""
    data = case.input(0)
    if data is None or data.type != I8 or case.kernels != CMSIS_NN:
        return None
    return Finding(
        "int8 with CMSIS-NN looks up a scratch buffer by an index that it never sets: a hard fault "
        "unless the arena was all zero",
        "with the reference kernels it runs",
        "K/cmsis_nn/unidirectional_sequence_lstm.cpp",
    )


def _svdf_bias(case: Case) -> Finding | None:
    bias = case.input(SVDF_BIAS)
    if bias is None:
        return Finding(
            "its bias is absent: the kernel reads it through address 0",
            "give a bias of zeros",
            "K/svdf_common.cpp",
        )
    data, time, state = case.input(0), case.input(2), case.input(SVDF_STATE)
    if data is None or data.type != I8 or time is None or state is None:
        return None
    if not (bias.scales and time.scales and state.scales):
        return Finding("its bias, weights or state have no scale", AGAIN, "K/svdf_common.cpp")
    if abs(bias.scales[0] - state.scales[0] * time.scales[0]) < BIAS_TOLERANCE:
        return None
    return Finding(
        f"its bias has the scale {bias.scales[0]:.5g}, not that of state and time weights "
        f"({state.scales[0] * time.scales[0]:.5g})",
        "quantize with a converter",
        "K/svdf_common.cpp",
    )


def _svdf_state_zero(case: Case) -> Finding | None:
    """CMSIS-NN leaves it out on both sides, which is the same; our reference kernel refuses."""
    state = case.input(SVDF_STATE)
    if state is None or case.kernels != REFERENCE or not any(state.zero_points):
        return None
    return Finding(
        f"its state has the zero point {state.zero_points[0]}, the reference kernel takes 0",
        "quantize its state symmetrically",
        "K/svdf_common.cpp",
    )


def _svdf_activation(case: Case) -> Finding | None:
    """LiteRT and the tree clamp to int8 only; our reference kernel refuses what that changes."""
    output, activation = case.output, case.option("fusedActivationFunction")
    if output is None or output.type != I8 or case.kernels != REFERENCE:
        return None
    if activation == NO_ACTIVATION:
        return None
    if activation == RELU and output.zero_points and output.zero_points[0] == INT8_LOWEST:
        return None
    return Finding(
        "its fused activation clamps int8 within its range, which the kernel does not",
        "calibrate so that RELU fills the output's range",
        "K/svdf_common.cpp",
    )


RULES: dict[str, tuple[Rule, ...]] = {
    LSTM: (
        _lstm_inputs,
        _lstm_types,
        _states_are_variable,
        _cell_scale,
        _symmetric_gates,
        _cell_activation,
        _hidden_state,
        _unset_buffer,
    ),
    "SVDF": (_states_are_variable, _svdf_bias, _svdf_state_zero, _svdf_activation),
}
