"""What needs no TensorFlow of the conversion from SavedModels."""

from __future__ import annotations

import pytest

from hil.errors import ModelError
from hil.model.convert_keras import input_order


def test_inputs_come_in_the_order_of_the_file_without_captured_variables() -> None:
    assert input_order(["b", "a", "unknown", "unknown_0"], {"a": 1, "b": 2}) == ["b", "a"]


def test_an_input_that_was_renamed_is_an_error_and_not_left_out() -> None:
    with pytest.raises(ModelError, match="renames the inputs 'a b'") as caught:
        input_order(["a_b", "c", "unknown"], {"a b": 1, "c": 2})
    assert "letters, digits" in caught.value.hint
