from __future__ import annotations

import random
from pathlib import Path

import pytest

from hil.data import random_vectors
from hil.errors import HilError, ModelError
from hil.model.flatbuffer import parse_model, read_model
from hil.model.preflight import Limits, find_problems
from hil.reference.reference import ChildReference, ReferenceName
from hil.tflm.kernels import REFERENCE
from hil.tflm.rules_2020 import RULES
from hil.vocab import Scheme
from tests import models
from tests.conftest import SUITES
from tests.state_models import MODELS, running_sum

MUTANTS = 2000


def test_a_converted_model_is_read_whole() -> None:
    model = read_model(SUITES / "har" / "models" / "har_int8.tflite")
    assert model.name == "har_int8"
    assert model.scheme is Scheme.INT8
    assert [op.name for op in model.operators][:2] == ["CONV_2D", "MAX_POOL_2D"]
    assert model.input_tensors[0].shape == (1, 100, 1, 6)
    assert model.input_tensors[0].numpy_dtype == "int8"
    assert model.output_tensors[0].elements == 7
    assert model.macs == 63_216
    assert model.is_integer


def test_a_hand_made_model_is_read_whole() -> None:
    model = parse_model(models.dense_float(4, 3), "dense")
    assert [tensor.is_constant for tensor in model.tensors] == [False, True, True, False]
    assert model.operators[0].inputs == (0, 1, 2)
    assert model.macs == 12
    assert model.description == "made by tests"
    assert model.input_tensors[0].bytes == 16


def test_quantization_is_read_per_tensor_and_per_channel() -> None:
    per_tensor = parse_model(models.dense_int8((0.25,)), "m").tensors[1]
    per_channel = parse_model(models.dense_int8((0.25, 0.5, 1.0)), "m").tensors[1]
    assert per_tensor.scales == (0.25,)
    assert not per_tensor.is_per_channel
    assert per_channel.scales == (0.25, 0.5, 1.0)
    assert per_channel.is_per_channel


def test_a_custom_operator_goes_by_its_own_name() -> None:
    content = models.write(
        models.Model(
            [models.Tensor("FLOAT32", (1,)), models.Tensor("FLOAT32", (1,))],
            [models.Operator("", (0,), (1,), custom_name="MyOp")],
            (0,),
            (1,),
        )
    )
    (operator,) = parse_model(content, "m").operators
    assert operator.is_custom
    assert operator.name == "MyOp"


def test_further_subgraphs_are_read_and_their_operators_are_needed_too() -> None:
    model = parse_model(running_sum(5.0), "m")
    assert model.operators[0].name == "CALL_ONCE"
    (further,) = model.further_subgraphs
    assert (further.index, model.subgraphs) == (1, 2)
    assert [op.name for op in further.operators] == ["VAR_HANDLE", "ASSIGN_VARIABLE"]
    assert further.tensors[1].is_constant
    assert model.operators[0].options == {"initSubgraphIndex": 1}
    assert model.operator_names == (
        "ADD",
        "ASSIGN_VARIABLE",
        "CALL_ONCE",
        "READ_VARIABLE",
        "VAR_HANDLE",
    )
    assert model.resource_variables == ("/sum",)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_remembers_has_state(name: str) -> None:
    model = parse_model(MODELS[name], name)
    assert model.has_state
    is_variable = any(tensor.is_variable for tensor in model.tensors)
    assert is_variable == (not model.resource_variables)


@pytest.mark.parametrize(("custom_name", "has_state"), [("SignalFramer", True), ("Other", False)])
def test_operators_that_remember_have_state(custom_name: str, has_state: bool) -> None:
    tensors = [models.Tensor("INT16", (1, 4)), models.Tensor("INT16", (1, 4))]
    operators = [models.Operator("", (0,), (1,), custom_name=custom_name)]
    model = parse_model(models.write(models.Model(tensors, operators, (0,), (1,))), "m")
    assert model.has_state is has_state


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read"):
        read_model(tmp_path / "none.tflite")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 15])
def test_a_stub_is_no_model(content: bytes) -> None:
    with pytest.raises(ModelError, match="is no model"):
        parse_model(content, "m")


def test_another_kind_of_file_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "picture.tflite"
    path.write_bytes(b"\x89PNG" + bytes(100))
    with pytest.raises(ModelError, match="TFL3"):
        read_model(path)


def test_a_cut_model_is_damaged_or_read_never_anything_else() -> None:
    whole = models.dense_float()
    for size in range(16, len(whole), 7):
        with pytest.raises(ModelError):
            parse_model(whole[:size], "m")


def test_mutated_models_are_read_or_refused(tflm_operators: dict[str, int | None]) -> None:
    """Reader, preflight and host TFLM: nothing but our own errors, whatever is in the file."""
    limits = Limits(tflm_operators, REFERENCE, RULES, 1 << 20, 256 << 10)
    whole = models.dense_int8()
    generator = random.Random(1)
    reference = ChildReference(ReferenceName.TFLM)
    refused = passed = ran = 0
    for _ in range(MUTANTS):
        mutant = bytearray(whole)
        for _ in range(generator.randint(1, 8)):
            mutant[generator.randrange(8, len(mutant))] = generator.randrange(256)
        try:
            model = parse_model(bytes(mutant), "m")
        except ModelError:
            refused += 1
            continue
        if find_problems(model, limits):
            continue
        passed += 1
        try:
            reference.run(model, random_vectors(model, 1, 0).inputs)
            ran += 1
        except HilError:
            continue
    reference.close()
    assert refused > MUTANTS // 10
    assert passed > ran > MUTANTS // 100
