"""Small models that remember: variable tensors, resource variables, a subgraph that sets them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.models import Model, Operator, Tensor, write

Array = Any


def with_state(main: Model, *further: Model, variables: Collection[int] = ()) -> bytes:
    """`main` as a file, its tensors `variables` marked as such, with further subgraphs."""
    whole = _unpacked(write(main))
    for index in variables:
        whole.subgraphs[0].tensors[index].isVariable = True
    for model in further:
        _append(whole, _unpacked(write(model)))
    return _packed(whole)


def _unpacked(content: bytes) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def _packed(whole: Any) -> bytes:
    packer = flatbuffers.Builder(1024)
    packer.Finish(whole.Pack(packer), b"TFL3")
    return bytes(packer.Output())


def _append(whole: Any, other: Any) -> None:
    """The main subgraph of `other` as a further one of `whole`."""
    (graph,) = other.subgraphs
    for tensor in graph.tensors:
        if tensor.buffer:
            tensor.buffer += len(whole.buffers) - 1
    for operator in graph.operators:
        operator.opcodeIndex += len(whole.operatorCodes)
    whole.buffers += other.buffers[1:]
    whole.operatorCodes += other.operatorCodes
    whole.subgraphs.append(graph)


def intermediates(content: bytes, scales: Collection[tuple[str, float, int]]) -> bytes:
    """The model's only operator with an intermediate tensor for each (type, scale, zero point): no
    elements, only their quantization counts.
    """
    whole = _unpacked(content)
    (graph,) = whole.subgraphs
    made = []
    for type_, scale, zero_point in scales:
        tensor = schema.TensorT()
        tensor.name, tensor.shape = b"intermediate", np.array([0], np.int32)
        tensor.type = getattr(schema.TensorType, type_)
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array([scale], np.float32)
        tensor.quantization.zeroPoint = np.array([zero_point], np.int64)
        made.append(len(graph.tensors))
        graph.tensors.append(tensor)
    graph.operators[0].intermediates = np.array(made, np.int32)
    return _packed(whole)


# ---- resource variables


def _variable(name: str, value: Tensor) -> Model:
    """What CALL_ONCE does: sets the variable `name` to the constant `value`."""
    return Model(
        [Tensor("RESOURCE", (), name="handle"), value],
        [_handle(name, 0), Operator("ASSIGN_VARIABLE", (0, 1), ())],
        (),
        (),
    )


def _handle(name: str, output: int) -> Operator:
    return Operator("VAR_HANDLE", (), (output,), settings={"sharedName": name, "container": ""})


def running_sum(start: float) -> bytes:
    """y = sum of all x so far + `start`, float32: a resource variable that CALL_ONCE sets."""
    values = [Tensor("FLOAT32", (1, 4), name=name) for name in ("x", "so far", "sum")]
    main = Model(
        [values[0], Tensor("RESOURCE", (), name="handle"), *values[1:]],
        [
            Operator("CALL_ONCE", (), (), settings={"initSubgraphIndex": 1}),
            _handle("sum", 1),
            Operator("READ_VARIABLE", (1,), (2,)),
            Operator("ADD", (0, 2), (3,)),
            Operator("ASSIGN_VARIABLE", (1, 3), ()),
        ],
        (0,),
        (3,),
    )
    begin = Tensor("FLOAT32", (1, 4), np.full((1, 4), start, np.float32), name="start")
    return with_state(main, _variable("sum", begin))


def ring_int8(frames: int = 3, width: int = 4) -> bytes:
    """y = the mean of the last `frames` inputs, int8: a ring in a resource variable whose zero is
    not 0.
    """
    quantized: dict[str, Any] = {"scales": (0.5,), "zero_points": (-7,)}
    past = frames - 1

    def rows(count: int, name: str) -> Tensor:
        return Tensor("INT8", (1, count, 1, width), name=name, **quantized)

    def numbers(values: Collection[int], name: str) -> Tensor:
        return Tensor("INT32", (len(values),), np.array(list(values), np.int32), name=name)

    main = Model(
        [
            rows(1, "x"),
            Tensor("RESOURCE", (), name="handle"),
            rows(past, "past"),
            rows(frames, "ring"),
            rows(1, "y"),
            rows(past, "kept"),
            numbers((0, 1, 0, 0), "begin"),
            numbers((1, past, 1, width), "size"),
        ],
        [
            Operator("CALL_ONCE", (), (), settings={"initSubgraphIndex": 1}),
            _handle("ring", 1),
            Operator("READ_VARIABLE", (1,), (2,)),
            Operator("CONCATENATION", (2, 0), (3,), settings={"axis": 1}),
            Operator(
                "AVERAGE_POOL_2D",
                (3,),
                (4,),
                2,
                {
                    "padding": 1,
                    "filterHeight": frames,
                    "filterWidth": 1,
                    "strideH": 1,
                    "strideW": 1,
                },
            ),
            Operator("SLICE", (3, 6, 7), (5,)),
            Operator("ASSIGN_VARIABLE", (1, 5), ()),
        ],
        (0,),
        (4,),
    )
    zeros = replace(rows(past, "start"), data=np.full((1, past, 1, width), -7, np.int8))
    return with_state(main, _variable("ring", zeros))


# ---- loops


def doubled(times: int) -> bytes:
    """y = 2^times x, and the count, in float32: a WHILE with two subgraphs that it runs."""

    def values(*more: Tensor) -> list[Tensor]:
        return [Tensor("FLOAT32", (1,), name="i"), Tensor("FLOAT32", (1, 4), name="x"), *more]

    def number(value: float) -> Tensor:
        return Tensor("FLOAT32", (1,), np.array([value], np.float32), name="number")

    main = Model(
        values(number(0.0), Tensor("FLOAT32", (1,)), Tensor("FLOAT32", (1, 4), name="y")),
        [
            Operator(
                "WHILE",
                (2, 1),
                (3, 4),
                settings={"condSubgraphIndex": 1, "bodySubgraphIndex": 2},
            )
        ],
        (1,),
        (4, 3),
    )
    goes_on = Model(
        values(number(times), Tensor("BOOL", (1,))),
        [Operator("LESS", (0, 2), (3,))],
        (0, 1),
        (3,),
    )
    body = Model(
        values(number(1.0), Tensor("FLOAT32", (1,)), Tensor("FLOAT32", (1, 4))),
        [Operator("ADD", (0, 2), (3,)), Operator("ADD", (1, 1), (4,))],
        (0, 1),
        (3, 4),
    )
    return with_state(main, goes_on, body)


# ---- recurrent cells


@dataclass(frozen=True)
class Sizes:
    """Of a recurrent layer."""

    inputs: int = 4
    units: int = 8


def svdf_float(memory: int = 3, sizes: Sizes = Sizes()) -> bytes:
    """One SVDF of rank 1 in float32, its activations in a variable tensor."""
    random = np.random.default_rng(3)
    return with_state(
        Model(
            [
                Tensor("FLOAT32", (1, sizes.inputs), name="x"),
                _normal(random, (sizes.units, sizes.inputs)),
                _normal(random, (sizes.units, memory)),
                _normal(random, (sizes.units,)),
                Tensor("FLOAT32", (1, sizes.units * memory), name="state"),
                Tensor("FLOAT32", (1, sizes.units), name="y"),
            ],
            [Operator("SVDF", (0, 1, 2, 3, 4), (5,), settings={"rank": 1})],
            (0,),
            (5,),
        ),
        variables=(4,),
    )


def svdf_int8(memory: int = 3, sizes: Sizes = Sizes()) -> bytes:
    """One SVDF of rank 1 in int8 with an int16 state."""
    random = np.random.default_rng(4)
    features = random.integers(-127, 128, (sizes.units, sizes.inputs)).astype(np.int8)
    times = random.integers(-3000, 3000, (sizes.units, memory)).astype(np.int16)
    state_scale, time_scale = 2**-11, 2**-12
    return with_state(
        Model(
            [
                Tensor("INT8", (1, sizes.inputs), scales=(0.05,), zero_points=(3,), name="x"),
                Tensor("INT8", features.shape, features, (0.02,), (0,), "features"),
                Tensor("INT16", times.shape, times, (time_scale,), (0,), "times"),
                Tensor(
                    "INT32",
                    (sizes.units,),
                    random.integers(-9000, 9000, sizes.units).astype(np.int32),
                    (state_scale * time_scale,),
                    (0,),
                ),
                Tensor("INT16", (1, sizes.units * memory), None, (state_scale,), (0,), "state"),
                Tensor("INT8", (1, sizes.units), scales=(0.04,), zero_points=(-5,), name="y"),
            ],
            [Operator("SVDF", (0, 1, 2, 3, 4), (5,), 3, {"rank": 1, "fusedActivationFunction": 1})],
            (0,),
            (5,),
        ),
        variables=(4,),
    )


def _normal(random: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
    return Tensor("FLOAT32", shape, random.normal(0, 0.4, shape).astype(np.float32))


ABSENT = -1
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
LSTM_SETTINGS = {"fusedActivationFunction": 4, "cellClip": 0.0, "projClip": 0.0}  # TANH


def _lstm_inputs() -> tuple[int, ...]:
    """Of 15 tensors: x, 4 + 4 weights, 4 biases, hidden state, cell state."""
    return (
        *(0, 1, 2, 3, 4, 5, 6, 7, 8),
        *(ABSENT, ABSENT, ABSENT),
        *(9, 10, 11, 12),
        *(ABSENT, ABSENT),
        *(13, 14),
        *(ABSENT, ABSENT, ABSENT, ABSENT),
    )


def lstm_float(steps: int = 2, sizes: Sizes = Sizes()) -> bytes:
    """One LSTM over `steps` rows of an inference, in float32."""
    random = np.random.default_rng(5)
    weights = [_normal(random, (sizes.units, sizes.inputs)) for _ in range(4)]
    recurrent = [_normal(random, (sizes.units, sizes.units)) for _ in range(4)]
    biases = [_normal(random, (sizes.units,)) for _ in range(4)]
    states = [Tensor("FLOAT32", (1, sizes.units), name=name) for name in ("hidden", "cell")]
    return with_state(
        Model(
            [
                Tensor("FLOAT32", (1, steps, sizes.inputs), name="x"),
                *weights,
                *recurrent,
                *biases,
                *states,
                Tensor("FLOAT32", (1, steps, sizes.units), name="y"),
            ],
            [Operator(LSTM, _lstm_inputs(), (15,), settings=LSTM_SETTINGS)],
            (0,),
            (15,),
        ),
        variables=(13, 14),
    )


def lstm_int8(steps: int = 2, sizes: Sizes = Sizes()) -> bytes:
    """One LSTM in int8 with an int16 cell state, as TFLiteConverter quantizes it."""
    random = np.random.default_rng(6)
    x_scale, hidden_scale, weight_scale, cell_scale = 0.02, 1 / 128, 0.01, 2**-11

    def weights(columns: int) -> Tensor:
        values = random.integers(-127, 128, (sizes.units, columns)).astype(np.int8)
        return Tensor("INT8", values.shape, values, (weight_scale,), (0,))

    def bias() -> Tensor:
        values = random.integers(-4000, 4000, sizes.units).astype(np.int32)
        return Tensor("INT32", values.shape, values, (x_scale * weight_scale,), (0,))

    content = with_state(
        Model(
            [
                Tensor("INT8", (1, steps, sizes.inputs), None, (x_scale,), (5,), "x"),
                *(weights(sizes.inputs) for _ in range(4)),
                *(weights(sizes.units) for _ in range(4)),
                *(bias() for _ in range(4)),
                Tensor("INT8", (1, sizes.units), None, (hidden_scale,), (-3,), "hidden"),
                Tensor("INT16", (1, sizes.units), None, (cell_scale,), (0,), "cell"),
                Tensor("INT8", (1, steps, sizes.units), None, (hidden_scale,), (-3,), "y"),
            ],
            [Operator(LSTM, _lstm_inputs(), (15,), settings=LSTM_SETTINGS)],
            (0,),
            (15,),
        ),
        variables=(13, 14),
    )
    gates = [("INT16", 2**-12, 0)] * 4
    return intermediates(content, [*gates, ("INT8", hidden_scale, -3)])


def gru_float(sizes: Sizes = Sizes()) -> bytes:
    """A step of a GRU in float32, its hidden state in a resource variable.

    z = sigmoid(Wz x + Uz h), r = sigmoid(Wr x + Ur h), n = tanh(Wn x + r (Un h)),
    h' = n + z (h - n): Cho et al., arXiv:1406.1078, with Un's product before the reset gate.
    """
    random = np.random.default_rng(7)
    tensors = [
        Tensor("FLOAT32", (1, sizes.inputs), name="x"),
        Tensor("RESOURCE", (), name="handle"),
        Tensor("FLOAT32", (1, sizes.units), name="h"),
    ]
    operators = [
        Operator("CALL_ONCE", (), (), settings={"initSubgraphIndex": 1}),
        _handle("h", 1),
        Operator("READ_VARIABLE", (1,), (2,)),
    ]

    def made(name: str, inputs: tuple[int, ...]) -> int:
        tensors.append(Tensor("FLOAT32", (1, sizes.units), name=f"value {len(tensors)}"))
        operators.append(Operator(name, inputs, (len(tensors) - 1,)))
        return len(tensors) - 1

    def dense(of: int, columns: int) -> int:
        tensors.extend([_normal(random, (sizes.units, columns)), _normal(random, (sizes.units,))])
        return made("FULLY_CONNECTED", (of, len(tensors) - 2, len(tensors) - 1))

    def gate() -> int:
        return made("LOGISTIC", (made("ADD", (dense(0, sizes.inputs), dense(2, sizes.units))),))

    z, r = gate(), gate()
    held_back = made("MUL", (r, dense(2, sizes.units)))
    n = made("TANH", (made("ADD", (dense(0, sizes.inputs), held_back)),))
    new = made("ADD", (n, made("MUL", (z, made("SUB", (2, n))))))
    operators.append(Operator("ASSIGN_VARIABLE", (1, new), ()))
    zeros = Tensor("FLOAT32", (1, sizes.units), np.zeros((1, sizes.units), np.float32))
    return with_state(Model(tensors, operators, (0,), (new,)), _variable("h", zeros))


MODELS = {
    "running_sum": running_sum(5.0),
    "ring_int8": ring_int8(),
    "svdf_float": svdf_float(),
    "svdf_int8": svdf_int8(),
    "lstm_float": lstm_float(),
    "lstm_int8": lstm_int8(),
    "gru_float": gru_float(),
}
