"""What the reference kernels of generation 2024 compute, and what they refuse in prepare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from tests.models import Model
from tests.tflm.operator_models import (
    FLOAT32,
    INT4,
    INT8,
    INT8_TENSOR,
    INT16,
    INT16_BIAS32,
    INT16_TENSOR,
    VALID,
    Convolution,
    Dense,
    Elementwise,
    Kind,
    Lstm,
    OperatorModel,
    Pool,
    Softmax,
    Svdf,
    TransposedConvolution,
    activation,
)

KINDS = {
    "float32": FLOAT32,
    "int8": INT8,
    "int8_tensor": INT8_TENSOR,
    "int4": INT4,
    "int16": INT16,
    "int16_tensor": INT16_TENSOR,
    "int16_bias32": INT16_BIAS32,
}


class Settings(Protocol):
    """Makes a model of one operator."""

    def make(self, name: str) -> OperatorModel: ...


@dataclass(frozen=True)
class Case:
    """A model that the kernels take.

    `litert_lsb` is how far LiteRT's reference kernels may be away: it rounds once where TFLM rounds
    twice (docs/numerics.md), or multiplies by more bits. None: LiteRT does not run the model.
    `has_wheel` is false where the tflite-micro wheel refuses the model or computes another result.
    `types` names the registration that holds this arithmetic alone, if there is one.
    """

    settings: Settings
    litert_lsb: int | None = 0
    has_wheel: bool = True
    types: str = ""


def cases() -> dict[str, Case]:
    """All cases by name."""
    return dict(
        [
            *_weighted(),
            *_elementwise(),
            *_pooling(),
            *_softmax(),
            *_svdf(),
            *_lstm(),
        ]
    )


def _types(kind: Kind) -> str:
    return "" if kind.is_float else "int4" if kind.weights == "INT4" else kind.values.lower()


def _weighted() -> Iterator[tuple[str, Case]]:
    for name, kind in KINDS.items():
        bare, types = replace(kind, bias=None), _types(kind)
        conv = Convolution(kind)
        for setting, each in {
            "same": conv,
            "dilated, VALID, batch 2": replace(
                conv, size=(9, 8), dilation=(2, 3), padding=VALID, batch=2
            ),
            "strides, RELU6": replace(conv, stride=(2, 3), fused="RELU6"),
            "grouped, RELU": replace(conv, channels=(6, 4), groups=2, fused="RELU"),
            "1x1": replace(conv, kernel=(1, 1)),
        }.items():
            yield f"CONV_2D {name} {setting}", Case(each, types=types)
        yield (
            f"CONV_2D {name} no bias",
            Case(replace(conv, kind=bare), litert_lsb=None, types=types),
        )
        # LiteRT multiplies int16 sums by 32 bits, TFLM by 16; per channel LiteRT rounds once.
        lsb = 1 if kind.per_channel or kind.values == "INT16" else 0
        dense = Dense(kind)
        for setting, fully in {
            "one row": dense,
            "no bias": replace(dense, kind=bare),
            "rank 3 kept, RELU": replace(
                dense, shape=(2, 3, 12), keep_dimensions=True, fused="RELU"
            ),
            "rank 3 to 2": replace(dense, shape=(2, 3, 12)),
            "5 rows, RELU6": replace(dense, shape=(5, 17), fused="RELU6"),
        }.items():
            case = Case(fully, lsb, has_wheel=kind.weights != "INT4", types=types)
            yield f"FULLY_CONNECTED {name} {setting}", case
        if kind.weights != "INT4":
            transposed = TransposedConvolution(kind)
            alone = types if types == "int8" else ""
            # The wheel takes every bias of int16 values for one of int64.
            wheel = kind.bias != "INT32" or kind.values != "INT16"
            for setting, back in {
                "same": transposed,
                "VALID, batch 2, RELU": replace(
                    transposed, padding=VALID, batch=2, stride=(1, 3), fused="RELU"
                ),
            }.items():
                case = Case(back, has_wheel=wheel, types=alone)
                yield f"TRANSPOSE_CONV {name} {setting}", case
            yield (
                f"TRANSPOSE_CONV {name} no bias",
                Case(replace(transposed, kind=bare), types=alone),
            )
        if kind is not INT16_BIAS32:
            depthwise = replace(conv, channels=(4, 8), depthwise=True)
            for setting, each in {
                "multiplier 2": depthwise,
                "no bias": replace(depthwise, kind=bare),
                "dilated, VALID, batch 2, RELU_N1_TO_1": replace(
                    depthwise,
                    channels=(3, 3),
                    size=(9, 8),
                    dilation=(2, 3),
                    padding=VALID,
                    batch=2,
                    fused="RELU_N1_TO_1",
                ),
                "strides, RELU6": replace(depthwise, channels=(5, 5), stride=(2, 2), fused="RELU6"),
            }.items():
                yield f"DEPTHWISE_CONV_2D {name} {setting}", Case(each, types=types)


def _elementwise() -> Iterator[tuple[str, Case]]:
    for operator in ("ADD", "MUL"):
        for type_ in ("FLOAT32", "INT8", "INT16", "INT32", "INT64"):
            for setting, (shapes, fused) in {
                "one shape": (((1, 3, 5), (1, 3, 5)), "NONE"),
                "row, RELU": (((2, 3, 4), (4,)), "RELU"),
                "both ways, RELU6": (((2, 1, 4, 1), (3, 1, 5)), "RELU6"),
                "one value, RELU_N1_TO_1": (((1,), (2, 2, 3, 2)), "RELU_N1_TO_1"),
                "a scalar": (((), (2, 3)), "NONE"),
                "rank 6": (((2, 1, 2, 1, 3, 1), (1, 2, 1, 3, 1, 2)), "NONE"),
            }.items():
                # The wheel has no int64, and clamps no sum of int32.
                ignored = operator == "ADD" and type_ == "INT32" and fused != "NONE"
                alone = {"INT8": "int8", "INT16": "int16"}.get(type_, "")
                case = Case(
                    Elementwise(operator, type_, shapes, fused=fused),
                    litert_lsb=1 if operator == "MUL" and type_ == "INT16" else 0,
                    has_wheel=type_ != "INT64" and not ignored,
                    types="" if (operator, alone) == ("MUL", "int16") else alone,
                )
                yield f"{operator} {type_.lower()} {setting}", case


def _pooling() -> Iterator[tuple[str, Case]]:
    for operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for type_ in ("FLOAT32", "INT8", "INT16"):
            pool = Pool(operator, type_)
            for setting, each in {
                "same": pool,
                "VALID, batch 3, RELU6": replace(
                    pool,
                    shape=(3, 8, 9, 4),
                    window=(2, 3),
                    stride=(2, 3),
                    padding=VALID,
                    fused="RELU6",
                ),
                "batch 2, RELU": replace(
                    pool, shape=(2, 5, 5, 1), window=(4, 4), stride=(3, 3), fused="RELU"
                ),
            }.items():
                alone = "" if type_ == "FLOAT32" else type_.lower()
                yield f"{operator} {type_.lower()} {setting}", Case(each, types=alone)


def _softmax() -> Iterator[tuple[str, Case]]:
    for types, softmax in {
        "": Softmax("FLOAT32", "FLOAT32"),
        "int8": Softmax("INT8", "INT8"),
        "int8 to int16": Softmax("INT8", "INT16"),
        "int16": Softmax("INT16", "INT16"),
    }.items():
        for setting, each in {
            "rank 3": softmax,
            "rank 1, beta 0.5": replace(softmax, shape=(11,), beta=0.5),
            "1000 values": replace(softmax, shape=(1, 1000)),
        }.items():
            yield f"SOFTMAX {types or 'float32'} {setting}", Case(each, types=types)


def _svdf() -> Iterator[tuple[str, Case]]:
    for name, svdf in {
        "float32": Svdf("FLOAT32", "FLOAT32"),
        "int8, state int16": Svdf("INT8", "INT16"),
        "int8, state int8": Svdf("INT8", "INT8"),
    }.items():
        floats = svdf.values == "FLOAT32"
        # LiteRT takes every integer state for int16, and RELU for every activation of int8.
        has_relu = 0 if svdf.state != "INT8" else None
        types = "" if floats else "int8"
        yield f"SVDF {name} RELU", Case(replace(svdf, fused="RELU"), has_relu, types=types)
        yield (
            f"SVDF {name} batch 2, memory 1, RELU",
            Case(replace(svdf, batch=2, memory=1, fused="RELU"), has_relu, types=types),
        )
        yield (
            f"SVDF {name} rank 1",
            Case(replace(svdf, rank=1), 0 if floats else None, types=types),
        )


def _lstm() -> Iterator[tuple[str, Case]]:
    # LiteRT has no int16 input, and a tanh of int16 of its own.
    for type_, lsb in {"FLOAT32": 0, "INT8": 1, "INT16": None}.items():
        lstm = Lstm(type_)
        for setting, each in {
            "one batch": lstm,
            "time major, batch 3": replace(lstm, batch=3, time_major=True),
            "batch 2": replace(lstm, batch=2),
            "cell clip": replace(lstm, cell_clip=0.5),
            "cell scale 2^-9": replace(lstm, cell_power=-9),
        }.items():
            types = "int8" if type_ == "INT8" else ""
            name = f"UNIDIRECTIONAL_SEQUENCE_LSTM {type_.lower()} {setting}"
            yield name, Case(each, lsb, types=types)


@dataclass(frozen=True)
class Refusal:
    """A model that prepare must refuse, and a part of its message."""

    settings: Settings
    change: Callable[[Model], None]
    message: str


def tensor(index: int, **values: Any) -> Callable[[Model], None]:
    """Sets fields of a tensor."""

    def change(model: Model) -> None:
        for field, value in values.items():
            setattr(model.tensors[index], field, value)

    return change


def option(**values: Any) -> Callable[[Model], None]:
    """Sets options of the operator."""

    def change(model: Model) -> None:
        assert isinstance(model.operators[0].settings, dict)
        model.operators[0].settings.update(values)

    return change


def uint8(model: Model) -> None:
    """Makes every int8 tensor one of uint8."""
    for each in model.tensors:
        each.type = "UINT8" if each.type == "INT8" else each.type


def unchanged(model: Model) -> None:
    """Leaves the model as it is made."""


def input_left_out(*positions: int) -> Callable[[Model], None]:
    """Leaves inputs of the operator out."""

    def change(model: Model) -> None:
        inputs = model.operators[0].inputs
        model.operators[0].inputs = [-1 if i in positions else t for i, t in enumerate(inputs)]

    return change


CONV, CONV16 = Convolution(INT8), Convolution(INT16)
DEPTHWISE = Convolution(INT8, channels=(4, 8), depthwise=True)
DENSE, TRANSPOSED = Dense(INT8), TransposedConvolution(INT8)
SOFTMAX, SVDF, LSTM = Softmax("INT8", "INT8"), Svdf("INT8", "INT16", fused="RELU"), Lstm("INT8")
TANH = option(fusedActivationFunction=activation("TANH"))
NO_ARITHMETIC, NO_SCALE = "no arithmetic for", "an integer tensor has no scale"
WRONG_SHAPE = "the output's shape does not follow from the input's"


def _hybrid(shape: tuple[int, ...]) -> Callable[[Model], None]:
    return tensor(1, type="INT8", data=np.ones(shape, np.int8), scales=(0.1,))


REFUSALS = {
    "CONV_2D hybrid": Refusal(Convolution(FLOAT32), _hybrid((6, 3, 2, 4)), NO_ARITHMETIC),
    "CONV_2D bias int64": Refusal(
        CONV, tensor(2, type="INT64", data=np.zeros(6, np.int64)), NO_ARITHMETIC
    ),
    "CONV_2D to int16": Refusal(CONV, tensor(3, type="INT16"), NO_ARITHMETIC),
    "CONV_2D uint8": Refusal(CONV, uint8, NO_ARITHMETIC),
    "CONV_2D int16 by int4": Refusal(CONV16, tensor(1, type="INT4"), NO_ARITHMETIC),
    "CONV_2D weights' zero point": Refusal(
        Convolution(INT8_TENSOR), tensor(1, zero_points=(3,)), "weights with a zero point"
    ),
    "CONV_2D scales of inputs": Refusal(
        replace(CONV, channels=(6, 6)), tensor(1, quantized_dimension=3), "another dimension"
    ),
    "CONV_2D groups": Refusal(CONV, tensor(1, shape=(6, 3, 2, 3)), "divide into groups"),
    "CONV_2D output shape": Refusal(CONV, tensor(3, shape=(1, 7, 5, 6)), WRONG_SHAPE),
    "CONV_2D rank 3": Refusal(CONV, tensor(0, shape=(7, 6, 4)), "4 dimensions"),
    "CONV_2D bias too short": Refusal(CONV, tensor(2, shape=(5,)), "differ in channels"),
    "CONV_2D int16 zero point": Refusal(CONV16, tensor(0, zero_points=(4,)), "zero point"),
    "CONV_2D TANH": Refusal(CONV, TANH, "fused activation"),
    "CONV_2D input without scale": Refusal(CONV, tensor(0, scales=()), NO_SCALE),
    "CONV_2D weights without scale": Refusal(CONV, tensor(1, scales=()), NO_SCALE),
    "CONV_2D output without scale": Refusal(CONV, tensor(3, scales=()), NO_SCALE),
    "CONV_2D stride 0": Refusal(CONV, option(strideH=0), WRONG_SHAPE),
    "DEPTHWISE_CONV_2D multiplier": Refusal(
        DEPTHWISE, option(depthMultiplier=1), "depth_multiplier"
    ),
    "DEPTHWISE_CONV_2D int16, bias int32": Refusal(
        replace(DEPTHWISE, kind=INT16_BIAS32), unchanged, NO_ARITHMETIC
    ),
    "DEPTHWISE_CONV_2D int16 by int16": Refusal(
        replace(DEPTHWISE, kind=INT16), tensor(1, type="INT16"), NO_ARITHMETIC
    ),
    "DEPTHWISE_CONV_2D hybrid": Refusal(
        replace(DEPTHWISE, kind=FLOAT32), _hybrid((1, 3, 2, 8)), NO_ARITHMETIC
    ),
    "FULLY_CONNECTED hybrid": Refusal(Dense(FLOAT32), _hybrid((7, 24)), NO_ARITHMETIC),
    "FULLY_CONNECTED uint8": Refusal(Dense(INT8_TENSOR), uint8, NO_ARITHMETIC),
    "FULLY_CONNECTED to int16": Refusal(DENSE, tensor(3, type="INT16"), NO_ARITHMETIC),
    "FULLY_CONNECTED weights of rank 3": Refusal(
        DENSE, tensor(1, shape=(7, 4, 6)), "a plain matrix"
    ),
    "FULLY_CONNECTED shuffled": Refusal(DENSE, option(weightsFormat=1), "a plain matrix"),
    "FULLY_CONNECTED input too short": Refusal(DENSE, tensor(0, shape=(1, 23)), "do not fit"),
    "FULLY_CONNECTED output too long": Refusal(DENSE, tensor(3, shape=(1, 8)), "in channels"),
    "FULLY_CONNECTED scales of inputs": Refusal(
        replace(DENSE, shape=(1, 7)), tensor(1, quantized_dimension=1), "another dimension"
    ),
    "TRANSPOSE_CONV bias int16": Refusal(
        TransposedConvolution(INT16),
        tensor(3, type="INT16", data=np.zeros(3, np.int16)),
        NO_ARITHMETIC,
    ),
    "TRANSPOSE_CONV channels": Refusal(
        TRANSPOSED, tensor(1, shape=(3, 3, 2, 3)), "differ in channels"
    ),
    "TRANSPOSE_CONV uint8": Refusal(TRANSPOSED, uint8, NO_ARITHMETIC),
    "ADD too small a scale": Refusal(
        Elementwise("ADD", "INT8"), tensor(2, scales=(1e-9,)), "too small"
    ),
    "SOFTMAX uint8": Refusal(SOFTMAX, uint8, NO_ARITHMETIC),
    "SOFTMAX to float32": Refusal(SOFTMAX, tensor(1, type="FLOAT32"), NO_ARITHMETIC),
    "SOFTMAX output scale": Refusal(SOFTMAX, tensor(1, scales=(1 / 255,)), "1.f / 256"),
    "SOFTMAX output shape": Refusal(SOFTMAX, tensor(1, shape=(2, 3, 8)), "one shape"),
    "SOFTMAX input without scale": Refusal(SOFTMAX, tensor(0, scales=()), NO_SCALE),
    "SVDF float32 without bias": Refusal(
        Svdf("FLOAT32", "FLOAT32", has_bias=False), unchanged, "need a bias"
    ),
    "SVDF without bias": Refusal(replace(SVDF, has_bias=False), unchanged, "need a bias"),
    "SVDF state int8, weights int16": Refusal(SVDF, tensor(4, type="INT8"), NO_ARITHMETIC),
    "SVDF int16": Refusal(Svdf("INT16", "INT16"), unchanged, NO_ARITHMETIC),
    "SVDF RELU6": Refusal(replace(SVDF, fused="RELU6"), unchanged, "no activation but RELU"),
    "SVDF RELU above the range": Refusal(
        SVDF, tensor(5, zero_points=(3,)), "no activation but RELU"
    ),
    "SVDF state's zero point": Refusal(SVDF, tensor(4, zero_points=(3,)), "with a zero point"),
    "SVDF rank 0": Refusal(SVDF, option(rank=0), "the rank positive"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM RELU": Refusal(
        LSTM, option(fusedActivationFunction=activation("RELU")), "must be TANH"
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM cell scale": Refusal(
        LSTM, tensor(14, scales=(0.0004,)), "2^-15 to 2^-9"
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM cell float32": Refusal(
        LSTM, tensor(14, type="FLOAT32"), NO_ARITHMETIC
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM scales per output": Refusal(
        LSTM, tensor(2, scales=[0.01] * 5), "a scale for each output"
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM weights' zero point": Refusal(
        LSTM, tensor(2, zero_points=(1,)), "weights with a zero point"
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM rank 2": Refusal(LSTM, tensor(0, shape=(4, 3)), "3 dimensions"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM output scale": Refusal(
        LSTM, tensor(15, scales=(0.01,)), "differ in scale"
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM no input gate": Refusal(
        LSTM, input_left_out(1, 5, 12), "!= nullptr"
    ),
    **{
        f"{operator} {name}": Refusal(Elementwise(operator, type_), change, message)
        for operator in ("ADD", "MUL")
        for name, type_, change, message in (
            ("of two types", "INT8", tensor(1, type="INT16"), NO_ARITHMETIC),
            ("to int16", "INT8", tensor(2, type="INT16"), NO_ARITHMETIC),
            ("uint8", "INT8", uint8, NO_ARITHMETIC),
            ("without scale", "INT8", tensor(2, scales=()), NO_SCALE),
            ("int16 zero point", "INT16", tensor(0, zero_points=(3,)), "zero point"),
            ("int32 with a scale", "INT32", tensor(0, scales=(0.5,)), "without a scale"),
            ("shapes", "INT8", tensor(1, shape=(1, 3, 4)), "do not broadcast"),
            ("output shape", "INT8", tensor(2, shape=(1, 3, 4)), "do not broadcast"),
            ("TANH", "FLOAT32", TANH, "fused activation"),
        )
    },
    **{
        f"{operator} rank 7": Refusal(
            Elementwise(operator, "FLOAT32", ((1, 1, 1, 1, 1, 1, 2), (2,))),
            unchanged,
            "do not broadcast",
        )
        for operator in ("ADD", "MUL")
    },
    **{
        f"{operator} {name}": Refusal(Pool(operator, "INT8"), change, message)
        for operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D")
        for name, change, message in (
            ("scales", tensor(1, scales=(0.07,)), "differ in scale"),
            ("zero points", tensor(1, zero_points=(1,)), "differ in scale or zero point"),
            ("uint8", uint8, NO_ARITHMETIC),
            ("to int16", tensor(1, type="INT16"), NO_ARITHMETIC),
            ("output shape", tensor(1, shape=(1, 4, 5, 5)), WRONG_SHAPE),
            ("rank 3", tensor(0, shape=(7, 6, 5)), "rank 4"),
            ("TANH", TANH, "fused activation"),
            ("no window", option(filterHeight=0), "an empty window"),
        )
    },
}
