from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hil.errors import DataError
from hil.model.flatbuffer import parse_model
from hil.suite_data import SuiteData
from tests import models
from tests.conftest import SUITES

MODEL = parse_model(models.dense_float(4, 3), "dense")


def data_module(folder: Path, text: str) -> SuiteData:
    path = folder / "data.py"
    path.write_text(text)
    return SuiteData(path, "test_data")


def test_vectors_come_from_the_module(tmp_path: Path) -> None:
    text = "import numpy as np\ndef test_data():\n    return {'x': np.zeros((3, 4), 'float32')}\n"
    assert data_module(tmp_path, text).vectors(MODEL).count == 3


def test_two_suites_may_both_have_a_data_module(tmp_path: Path) -> None:
    counts = []
    for name, count in (("a", 2), ("b", 5)):
        (tmp_path / name).mkdir()
        text = f"import numpy as np\ndef test_data():\n    return {{'x': np.zeros(({count}, 4))}}\n"
        counts.append(data_module(tmp_path / name, text).vectors(MODEL).count)
    assert counts == [2, 5]


def test_another_function_of_the_module_gives_other_vectors(tmp_path: Path) -> None:
    text = "import numpy as np\ndef test_data():\n    return {'x': np.zeros((3, 4))}\n"
    text += "def host_data():\n    return {'x': np.zeros((9, 4))}\n"
    data = data_module(tmp_path, text)
    assert data.vectors(MODEL, "host_data").count == 9
    assert data.vectors(MODEL, "host_data").source == "data.py:host_data"
    assert data.vectors(MODEL).count == 3
    with pytest.raises(DataError, match="has no function nope"):
        data.vectors(MODEL, "nope")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise RuntimeError('at import')", "does not import: RuntimeError: at import"),
        ("def test_data():\n    raise OSError('at call')", "raised OSError: at call"),
        ("def other(): pass", "has no function test_data"),
        ("def test_data(): return {'x': [[1, 2], [3]]}", "'x' is no array"),
        ("def test_data(): return [1, 2]", "returned list, not a dict"),
        ("def test_data(): return {}", "'x' is missing"),
        ("def test_data(): return {'x': [[1, 2], [3, 4]]}", "not N x 4"),
        ("def def", "does not import: SyntaxError"),
    ],
)
def test_a_module_that_does_not_deliver_is_an_error(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        data_module(tmp_path, text).vectors(MODEL)
    assert message in str(caught.value)


def test_the_line_that_raised_is_shown(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        data_module(tmp_path, "def test_data():\n    return 1 / 0\n").vectors(MODEL)
    assert caught.value.detail == "data.py:2: return 1 / 0"


def test_har_holds_out_whole_subjects() -> None:
    pytest.importorskip("seglearn")
    data = SuiteData(SUITES / "har" / "data.py", "test_data")
    train, test = data.call("train_data"), data.call("test_data")
    assert test["x"].shape == (749, 100, 1, 6)
    assert set(np.unique(test["y"])) == set(range(7))
    held_out = {window.tobytes() for window in test["x"]}
    assert not any(window.tobytes() in held_out for window in train["x"])


def test_digits_holds_out_items() -> None:
    pytest.importorskip("sklearn")
    data = SuiteData(SUITES / "digits" / "data.py", "test_data")
    train, test = data.call("train_data"), data.call("test_data")
    assert len(test["x"]) == 450
    assert len(train["x"]) + len(test["x"]) == 1797
