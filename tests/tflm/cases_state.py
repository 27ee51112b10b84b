"""Recurrent operators that only seem to run on the 2024 tree."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.models import Model, Operator, Tensor
from tests.tflm.one_operator import TANH
from tests.tflm.rule_case import REFERENCE, Happens, RuleCase, on_reference

NUMPY = {
    "FLOAT32": np.float32,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}


@dataclass(frozen=True)
class Lstm:
    """An LSTM of one batch: `type_` of the activations, the rest follows."""

    type_: str = "INT8"
    steps: int = 5
    inputs: int = 4
    units: int = 6
    cell_scale: float = 2**-11
    activation: int = TANH
    output_scale: float | None = None
    float_activations: bool = False

    def model(self) -> Model:
        """The model: input, weights of four gates, biases, two states."""
        generator = np.random.default_rng(3)
        is_float = self.type_ == "FLOAT32"
        tensors: list[Tensor] = []

        def add(type_: str, shape: tuple[int, ...], scale: float, **more: object) -> int:
            scaled = {} if type_ == "FLOAT32" else {"scales": (scale,), "zero_points": (0,)}
            tensors.append(Tensor(type_, shape, **scaled, **more))  # type: ignore[arg-type]
            return len(tensors) - 1

        def constant(type_: str, shape: tuple[int, ...], most: int, scale: float) -> int:
            values = generator.integers(-most, most, shape)
            data = values / 256 if type_ == "FLOAT32" else values
            return add(type_, shape, scale, data=data.astype(NUMPY[type_]))

        scale = 0.03 if self.type_ == "INT8" else 0.03 / 256
        weights = "FLOAT32" if is_float and not self.float_activations else "INT8"
        offsets = {"FLOAT32": "FLOAT32", "INT8": "INT32", "INT16": "INT64"}[self.type_]
        hidden = 1 / 128 if self.type_ == "INT8" else 1 / 32768
        x = add(self.type_, (1, self.steps, self.inputs), scale)
        gates = [constant(weights, (self.units, self.inputs), 127, 0.01) for _ in range(4)]
        gates += [constant(weights, (self.units, self.units), 127, 0.01) for _ in range(4)]
        biases = [constant(offsets, (self.units,), 99, scale * 0.01) for _ in range(4)]
        states = [
            add(self.type_, (1, self.units), hidden, is_variable=True),
            add(
                "FLOAT32" if is_float else "INT16",
                (1, self.units),
                self.cell_scale,
                is_variable=True,
            ),
        ]
        between = [] if is_float else [add("INT16", (0,), 2**-12) for _ in range(4)]
        between += [] if is_float else [add(self.type_, (0,), hidden)]
        y = add(self.type_, (1, self.steps, self.units), self.output_scale or hidden)
        inputs = [x, *gates, -1, -1, -1, *biases, -1, -1, *states, -1, -1, -1, -1]
        settings = {"fusedActivationFunction": self.activation, "cellClip": 10.0}
        operator = Operator(
            "UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], 1, settings, intermediates=between
        )
        return Model(tensors, [operator], [x], [y])


def svdf(
    type_: str = "FLOAT32",
    *,
    has_bias: bool = True,
    state_zero: int = 0,
    output_zero: int = -128,
    bias_scale: float = 1.5e-8,
    is_variable: bool = True,
) -> Model:
    """An SVDF of 3 units, rank 2 and 5 remembered steps over 4 inputs."""
    generator = np.random.default_rng(5)
    units, rank, memory, width = 3, 2, 5, 4
    filters = units * rank

    def constant(kind: str, shape: tuple[int, ...], most: int, scale: float) -> Tensor:
        values = generator.integers(-most, most, shape)
        if kind == "FLOAT32":
            return Tensor(kind, shape, (values / most).astype(np.float32))
        return Tensor(kind, shape, values.astype(NUMPY[kind]), (scale,), (0,))

    if type_ == "FLOAT32":
        kinds, data, output = ("FLOAT32",) * 3, Tensor(type_, (1, width)), Tensor(type_, (1, units))
        state = Tensor(type_, (1, memory * filters), is_variable=is_variable)
    else:
        kinds = ("INT8", "INT16", "INT32")
        data = Tensor("INT8", (1, width), scales=(0.02,), zero_points=(4,))
        output = Tensor("INT8", (1, units), scales=(0.05,), zero_points=(output_zero,))
        state = Tensor(
            "INT16", (1, memory * filters), None, (0.0005,), (state_zero,), is_variable=is_variable
        )
    tensors = [
        data,
        constant(kinds[0], (filters, width), 127, 0.01),
        constant(kinds[1], (filters, memory), 32000, 0.00003),
        *([constant(kinds[2], (units,), 500, bias_scale)] if has_bias else []),
        state,
        output,
    ]
    last = len(tensors) - 1
    inputs = [0, 1, 2, 3 if has_bias else -1, last - 1]
    settings = {"rank": rank, "fusedActivationFunction": 0 if type_ == "FLOAT32" else 1}
    return Model(tensors, [Operator("SVDF", inputs, [last], 1, settings)], [0], [last])


def with_zero_bias() -> Model:
    model = svdf()
    zeros = replace(model.tensors[3], data=np.zeros(3, np.float32))
    return replace(model, tensors=[*model.tensors[:3], zeros, *model.tensors[4:]])


CASES = [
    on_reference(
        "lstm-int8-with-cmsis-nn",
        Lstm().model(),
        "looks up a scratch buffer by an index that it never sets",
        Happens.UNSET,
        tolerance=1,
    ),
    RuleCase(
        "lstm-hybrid",
        Lstm("FLOAT32", float_activations=True).model(),
        "hybrid",
        Happens.WRONG,
        "quantize to int8",
        Lstm().model(),
        fixed_kernels=REFERENCE,
        tolerance=1,
    ),
    RuleCase(
        "lstm-cell-scale",
        Lstm(cell_scale=0.0007).model(),
        "its cell state has scale and zero point 0.0007, 0",
        Happens.WRONG,
        "quantize with a converter that fixes it",
        Lstm().model(),
        fixed_kernels=REFERENCE,
        tolerance=1,
    ),
    RuleCase(
        "lstm-relu",
        Lstm("FLOAT32", activation=1).model(),
        "its cell activation is not tanh",
        Happens.WRONG,
        "use activation='tanh'",
        Lstm("FLOAT32").model(),
    ),
    RuleCase(
        "lstm-output-scale",
        Lstm(output_scale=1 / 64).model(),
        "hidden state and output differ",
        Happens.REFUSED,
        "quantize both with the same range",
        Lstm().model(),
        kernels=REFERENCE,
        fixed_kernels=REFERENCE,
        tolerance=1,
    ),
    RuleCase(
        "svdf-without-bias",
        svdf(has_bias=False),
        "its bias is absent",
        Happens.CRASHES,
        "give a bias of zeros",
        with_zero_bias(),
    ),
    RuleCase(
        "svdf-bias-scale",
        svdf("INT8", bias_scale=0.01),
        "its bias has the scale 0.01",
        Happens.REFUSED,
        "quantize with a converter",
        svdf("INT8"),
    ),
    RuleCase(
        "svdf-state-with-zero-point",
        svdf("INT8", state_zero=5),
        "its state has the zero point 5",
        Happens.REFUSED,
        "quantize its state symmetrically",
        svdf("INT8"),
        kernels=REFERENCE,
        fixed_kernels=REFERENCE,
    ),
    RuleCase(
        "svdf-relu-within-the-range",
        svdf("INT8", output_zero=-3),
        "its fused activation clamps int8 within its range",
        Happens.REFUSED,
        "calibrate so that RELU fills",
        svdf("INT8"),
        kernels=REFERENCE,
        fixed_kernels=REFERENCE,
    ),
    RuleCase(
        "svdf-state-that-is-none",
        svdf(is_variable=False),
        "its state is no variable tensor",
        Happens.REFUSED,
        "convert the model again",
        svdf(),
    ),
]
SOUND = {
    "lstm-float": Lstm("FLOAT32").model(),
    "svdf-float": svdf(),
    "svdf-int8": svdf("INT8"),
}
