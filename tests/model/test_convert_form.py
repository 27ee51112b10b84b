from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from hil.data import random_vectors
from hil.errors import ModelError
from hil.model.convert_form import normal_form
from hil.model.flatbuffer import parse_model
from hil.reference.reference import ChildReference, ReferenceName
from tests import models
from tests.model.test_provenance import PROVENANCE
from tests.models import Model, Operator, Tensor


def unpacked(content: bytes) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_the_older_code_field_is_filled_in() -> None:
    tensors = [Tensor("FLOAT32", (1, 4)) for _ in range(2)]
    content = models.write(
        Model(tensors, [Operator("RELU", (0,), (1,), legacy_code=0)], (0,), (1,))
    )
    assert parse_model(content, "m").operators[0].legacy_code_differs
    (operator,) = parse_model(normal_form(content, PROVENANCE), "m").operators
    assert operator.name == "RELU"
    assert not operator.legacy_code_differs


def test_a_code_beyond_the_older_field_is_marked_there() -> None:
    tensors = [Tensor("FLOAT32", (1, 4)) for _ in range(2)]
    content = models.write(Model(tensors, [Operator("GELU", (0,), (1,))], (0,), (1,)))
    (code,) = unpacked(normal_form(content, PROVENANCE)).operatorCodes
    assert (code.builtinCode, code.deprecatedBuiltinCode) == (150, 127)


def test_constants_behind_the_flatbuffer_are_taken_in() -> None:
    model = unpacked(models.dense_float())
    index = model.subgraphs[0].tensors[1].buffer
    weights = bytes(model.buffers[index].data)
    # Offset and size are written with a fixed width: the second packing has the first one's length.
    model.buffers[index].data, model.buffers[index].size = None, len(weights)
    model.buffers[index].offset = 1 << 20
    model.buffers[index].offset = len(packed(model))
    outside = packed(model) + weights
    assert parse_model(outside, "m").tensors[1].is_external

    inside = parse_model(normal_form(outside, PROVENANCE), "m")
    assert not inside.tensors[1].is_external
    assert bytes(unpacked(inside.content).buffers[index].data) == weights


def test_constants_in_another_file_are_refused() -> None:
    model = unpacked(models.dense_float())
    model.subgraphs[0].tensors[1].externalBuffer = 1
    with pytest.raises(ModelError, match="constant 'weights' lies in another file"):
        normal_form(packed(model), PROVENANCE)


@pytest.mark.parametrize(("before", "after"), [(None, [0, 0, 0]), ([5], [5, 5, 5])])
def test_each_scale_has_a_zero_point(before: list[int] | None, after: list[int]) -> None:
    model = unpacked(models.dense_int8((0.1, 0.2, 0.3)))
    points = None if before is None else np.array(before, np.int64)
    model.subgraphs[0].tensors[1].quantization.zeroPoint = points
    tensor = parse_model(normal_form(packed(model), PROVENANCE), "m").tensors[1]
    assert list(tensor.zero_points) == after


def test_shapes_are_fixed() -> None:
    model = unpacked(models.dense_float())
    model.subgraphs[0].tensors[0].shapeSignature = np.array([-1, 4], np.int32)
    tensor = parse_model(normal_form(packed(model), PROVENANCE), "m").tensors[0]
    assert (tensor.shape, tensor.shape_signature) == ((1, 4), ())


def test_every_constant_is_aligned_to_16_bytes() -> None:
    content = normal_form(models.dense_int8((0.1, 0.2, 0.3)), PROVENANCE)
    model = schema.Model.GetRootAs(content, 0)
    starts = []
    for index in range(model.BuffersLength()):
        data = model.Buffers(index).DataAsNumpy()
        if isinstance(data, np.ndarray):
            whole = np.frombuffer(content, np.uint8)
            starts.append(data.ctypes.data - whole.ctypes.data)
    assert len(starts) == 3
    assert [start % 16 for start in starts] == [0, 0, 0]


def test_the_form_is_the_same_each_time_and_its_own() -> None:
    once = normal_form(models.dense_float(), PROVENANCE)
    assert normal_form(models.dense_float(), PROVENANCE) == once
    assert normal_form(once, PROVENANCE) == once


def test_outputs_stay_what_they_were() -> None:
    before = parse_model(models.dense_float(), "before")
    after = parse_model(normal_form(before.content, PROVENANCE), "after")
    inputs = random_vectors(before, 5, 0).inputs
    reference = ChildReference(ReferenceName.LITERT)
    one, other = (reference.run(model, inputs).outputs[0] for model in (before, after))
    reference.close()
    assert np.array_equal(one, other)
