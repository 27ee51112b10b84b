from __future__ import annotations

import pytest

from hil.model.flatbuffer import parse_model
from hil.model.recognise import made_for
from tests import models
from tests.model.data import stored
from tests.models import Model, Operator, Tensor


def test_ordinary_models_are_made_for_any_interpreter() -> None:
    assert made_for(stored("u8io")) is None


@pytest.mark.parametrize("name", ["Magic", "TFLite_Detection_PostProcess", "SignalWindow"])
def test_other_custom_operators_say_nothing(name: str) -> None:
    tensors = [Tensor("FLOAT32", (1, 4)), Tensor("FLOAT32", (1, 4))]
    content = models.write(Model(tensors, [Operator("", (0,), (1,), custom_name=name)], (0,), (1,)))
    assert made_for(parse_model(content, "m")) is None


def test_all_flex_operators_are_named_once() -> None:
    tensors = [Tensor("FLOAT32", (1, 4)) for _ in range(4)]
    names = ["FlexErf", "FlexAtan2", "FlexErf"]
    operators = [Operator("", (i,), (i + 1,), custom_name=name) for i, name in enumerate(names)]
    content = models.write(Model(tensors, operators, (0,), (3,)))
    finding = made_for(parse_model(content, "m"))
    assert finding is not None
    assert "(FlexAtan2, FlexErf)" in finding.reason
    assert "Atan2, Erf" in finding.remedy
