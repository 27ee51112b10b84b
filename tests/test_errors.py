from __future__ import annotations

import pickle

from hil.errors import BenchError, did_you_mean


def test_an_error_tells_where_what_and_what_next() -> None:
    error = BenchError("no probe", board="f746-a", step="program", hint="plug it in", detail="x\ny")
    assert str(error) == "f746-a: program: no probe\nx\ny\nhint: plug it in"


def test_an_error_without_extras_is_its_message() -> None:
    assert str(BenchError("no probe")) == "no probe"


def test_errors_survive_the_way_between_processes() -> None:
    error = BenchError("no probe", board="b", step="s", hint="h", detail="d")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is BenchError
    assert str(again) == str(error)


def test_the_nearest_word_is_suggested() -> None:
    assert did_you_mean("stm32f764", ["stm32f746", "nrf52"]) == "did you mean stm32f746?"


def test_without_a_near_word_all_are_listed() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == "known: a, b"
    assert did_you_mean("zzz", []) == "known: none"
