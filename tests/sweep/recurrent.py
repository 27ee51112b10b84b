"""Operators that keep state between inferences: SVDF, LSTM, variables, the ring buffer."""

from __future__ import annotations

from math import sqrt

import numpy as np

from tests.models import Operator
from tests.sweep.draft import Array, Draft, Quantization
from tests.sweep.elementwise import Family

HIDDEN_STATE, CELL_STATE, LSTM_INPUTS = 18, 19, 24


def _scale(draft: Draft, low: float, high: float) -> float:
    return float(np.float32(np.exp(draft.rng.uniform(np.log(low), np.log(high)))))


def svdf(draft: Draft) -> None:
    """SVDF of rank 1 to 3; int8 with int16 state and time weights, at times int8 ones."""
    batch, width = draft.pick(1, 1, 2), draft.integer(1, 12)
    units, rank, memory = draft.integer(1, 6), draft.pick(1, 1, 2, 3), draft.integer(1, 6)
    filters = units * rank
    source = draft.quantization()
    x = draft.input(draft.type, (batch, width), source)
    if source is None:
        feature = draft.constant("FLOAT32", draft.rng.normal(0, 1, (filters, width)))
        time = draft.constant("FLOAT32", draft.rng.normal(0, 1, (filters, memory)))
        bias = draft.constant("FLOAT32", draft.rng.normal(0, 1, units))
        state = draft.tensor("FLOAT32", (batch, memory * filters), is_variable=True)
        draft.output("FLOAT32", (batch, units))
    else:
        kind = draft.pick("INT16", "INT16", "INT8")
        draft.note("state", kind)
        most = 32767 if kind == "INT16" else 127
        feature_scale = _scale(draft, 0.005, 0.05)
        state_scale = source.scale * feature_scale * sqrt(width) * 74 * 100 / most
        time_scale = _scale(draft, 0.5, 2) / most
        feature = draft.constant(
            "INT8",
            draft.random("INT8", (filters, width)),
            Quantization(feature_scale, 0),
        )
        time = draft.constant(
            kind, draft.random(kind, (filters, memory)), Quantization(time_scale, 0)
        )
        sums = state_scale * time_scale
        bias = draft.constant(
            "INT32", draft.rng.integers(-most * 20, most * 20, units), Quantization(sums, 0)
        )
        state = draft.tensor(
            kind, (batch, memory * filters), Quantization(state_scale, 0), is_variable=True
        )
        scale = state_scale * time_scale * most * most / 3 * sqrt(memory * rank) / 128
        base = draft.quantization()
        assert base is not None
        draft.output(draft.type, (batch, units), Quantization(scale, base.zero_point))
    activation = draft.pick(0, 1, 1)
    no_bias = draft.chance(0.15)
    draft.add(
        [x, feature, time, -1 if no_bias else bias, state],
        rank=rank,
        fusedActivationFunction=activation,
        version=1 if source is None else 3,
    )


def lstm(draft: Draft) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM without peepholes, projection, normalization."""
    batch, steps = draft.pick(1, 1, 1, 2, 3), draft.integer(1, 6)
    width, units = draft.integer(1, 12), draft.integer(1, 12)
    time_major = draft.chance(0.3)
    lead = (steps, batch) if time_major else (batch, steps)
    source = draft.quantization()
    x = draft.input(draft.type, (*lead, width), source)
    inputs = [-1] * LSTM_INPUTS
    inputs[0] = x
    hidden = Quantization(1 / 128, draft.pick(0, 0, draft.integer(-20, 20)))
    if draft.type == "INT16":
        hidden = Quantization(1 / 32768, 0)
    weights_kind = "FLOAT32" if source is None else "INT8"
    for first, columns, side in ((1, width, source), (5, units, hidden)):
        for gate in range(4):
            shape = (units, columns)
            values: Array
            if source is None or side is None:
                values = draft.rng.normal(0, 1 / sqrt(columns), shape)
                inputs[first + gate] = draft.constant(weights_kind, values)
                continue
            values = draft.rng.integers(-127, 127, shape, endpoint=True)
            scale = _scale(draft, 0.003, 0.02)
            inputs[first + gate] = draft.constant(weights_kind, values, Quantization(scale, 0))
    for gate in range(4):
        values = draft.rng.normal(0, 0.5, units)
        if source is None:
            inputs[12 + gate] = draft.constant("FLOAT32", values)
            continue
        scale = source.scale * float(draft.tensors[inputs[1 + gate]].scales[0])
        kind = "INT64" if draft.type == "INT16" else "INT32"
        inputs[12 + gate] = draft.constant(kind, values / scale, Quantization(scale, 0))
    if source is None:
        inputs[HIDDEN_STATE] = draft.tensor("FLOAT32", (batch, units), is_variable=True)
        inputs[CELL_STATE] = draft.tensor("FLOAT32", (batch, units), is_variable=True)
        draft.output("FLOAT32", (*lead, units))
    else:
        inputs[HIDDEN_STATE] = draft.tensor(draft.type, (batch, units), hidden, is_variable=True)
        cell = Quantization(2.0 ** -draft.pick(11, 12, 13, 10), 0)
        inputs[CELL_STATE] = draft.tensor("INT16", (batch, units), cell, is_variable=True)
        draft.output(draft.type, (*lead, units), hidden)
    between = []
    if source is not None:
        between = [draft.tensor("INT16", (0,), Quantization(2.0**-12, 0)) for _ in range(4)]
        between.append(draft.tensor(draft.type, (0,), hidden))
    settings = {
        "fusedActivationFunction": 4,
        "cellClip": float(draft.pick(0.0, 0.0, 10.0, 0.5)),
        "timeMajor": time_major,
    }
    for name, value in settings.items():
        draft.note(name, value)
    draft.operators.append(
        Operator(
            draft.operator,
            inputs,
            draft.outputs,
            1 if source is None else 3,
            settings,
            intermediates=between,
        )
    )


def ring_buffer(draft: Draft) -> None:
    """CIRCULAR_BUFFER, the custom operator of old streaming models, run at each inference."""
    rows, width, channels = draft.integer(2, 6), draft.integer(1, 4), draft.integer(1, 5)
    quantization = draft.quantization()
    x = draft.input(draft.type, (1, 1, width, channels), quantization)
    y = draft.output(draft.type, (1, rows, width, channels), quantization)
    draft.stateful = True
    draft.custom("CIRCULAR_BUFFER", [x], [y], cycles_max=1)


def variable(draft: Draft) -> None:
    """VAR_HANDLE, ASSIGN_VARIABLE, READ_VARIABLE: a value written and read back, twice read."""
    shape = draft.any_shape()
    quantization = draft.quantization()
    x = draft.input(draft.type, shape, quantization)
    handle = draft.tensor("RESOURCE", (1,))
    named = {"sharedName": b"variable", "container": b""}
    draft.operators.append(Operator("VAR_HANDLE", [], [handle], settings=named))
    draft.operators.append(Operator("ASSIGN_VARIABLE", [handle, x], []))
    for _ in range(draft.pick(1, 2)):
        y = draft.output(draft.type, shape, quantization)
        draft.operators.append(Operator("READ_VARIABLE", [handle], [y]))


FAMILIES: dict[str, Family] = {
    "VAR_HANDLE": variable,
    "SVDF": svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
    "CIRCULAR_BUFFER": ring_buffer,
}
TYPES: dict[str, tuple[str, ...]] = {
    "SVDF": ("FLOAT32", "INT8", "INT16"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ("FLOAT32", "INT8", "INT16"),
    "CIRCULAR_BUFFER": ("FLOAT32", "INT8"),
    "VAR_HANDLE": ("FLOAT32", "INT8", "INT16", "INT32"),
}
