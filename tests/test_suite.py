from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.suite import is_suite_file, load_suite
from hil.vocab import CONVERSIONS, CheckName
from tests import models
from tests.conftest import SUITES

MINIMAL = '[hil]\nschema = 1\nname = "s"\n[[model]]\nfile = "m.tflite"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.tflite").write_bytes(models.dense_float())
    (tmp_path / "data.py").write_text("")
    return tmp_path


def suite_file(folder: Path, text: str) -> Path:
    path = folder / "suite.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["har", "digits"])
def test_our_suites_load(name: str) -> None:
    suite = load_suite(SUITES / name / "suite.toml")
    assert suite.name == name
    streaming = ["har_stream_int8"] if name == "har" else []
    schemes = [f"{name}_{scheme}" for scheme in CONVERSIONS]
    assert [model.label for model in suite.models] == schemes + streaming


def test_a_models_limits_go_before_the_suites(folder: Path) -> None:
    text = MINIMAL + "[model.checks.latency]\nmax_instructions = 10\n"
    text += "[checks.latency]\nmax_instructions = 99\nmax_ms = 1.5\n"
    suite = load_suite(suite_file(folder, text))
    limits = suite.limits(suite.models[0])
    assert limits.latency.max_instructions == 10
    assert limits.latency.max_ms == 1.5


def test_a_larger_host_set_is_a_function_of_the_data_module(folder: Path) -> None:
    assert load_suite(suite_file(folder, MINIMAL)).host_function is None
    text = MINIMAL + '[data]\nhost_function = "host_data"\n'
    assert load_suite(suite_file(folder, text)).host_function == "host_data"


def test_a_model_may_have_vectors_of_its_own(folder: Path) -> None:
    path = folder / "suite.toml"
    own = '[[model]]\nfile = "m.tflite"\nname = "streaming"\nfunction = "steps"\n'
    path.write_text(MINIMAL + own)
    assert [model.function for model in load_suite(path).models] == [None, "steps"]


def test_a_metric_is_over_steps_or_sequences(folder: Path) -> None:
    path = folder / "suite.toml"
    path.write_text(MINIMAL + '[metric]\nname = "top1"\nover = "last"\n')
    metric = load_suite(path).metric
    assert metric is not None
    assert metric.over == "last"
    path.write_text(MINIMAL + '[metric]\nname = "top1"\nover = "window"\n')
    with pytest.raises(ConfigError, match="over"):
        load_suite(path)


def test_a_limit_is_a_number(folder: Path) -> None:
    text = MINIMAL + "[checks.outputs]\ntolerance = inf\n"
    with pytest.raises(ConfigError, match="tolerance"):
        load_suite(suite_file(folder, text))


def test_every_check_has_a_table() -> None:
    suite = load_suite(SUITES / "har" / "suite.toml")
    for check in CheckName:
        assert hasattr(suite.checks, check.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "[cheks.latency]\n", "unknown key 'cheks'"),
        (MINIMAL + "[checks.latency]\nmax_instruction = 1\n", "max_instruction"),
        (MINIMAL.replace("m.tflite", "none.tflite"), "none.tflite is not there"),
        (MINIMAL.replace("m.tflite", "../m.tflite"), "outside"),
        (MINIMAL + '[data]\nmodule = "nope.py"\n', "nope.py is not there"),
        (MINIMAL + '[metric]\nname = "top2"\n', "no metric 'top2'"),
        (MINIMAL + '[metric]\nname = "topk"\n', "topk needs it"),
        (MINIMAL + '[metric]\nname = "data:score"\n', "needs a direction"),
        (MINIMAL + '[[model]]\nfile = "m.tflite"\n', "two models are called 'm'"),
        (MINIMAL.replace("schema = 1", "schema = 7"), "hil.schema"),
        ('[hil]\nschema = 1\nname = "s"\n', "key 'model' is missing"),
        (MINIMAL + "[checks.arena]\nmax_bytes = -1\n", "checks.arena.max_bytes"),
    ],
)
def test_what_does_not_fit_is_refused(folder: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_suite(suite_file(folder, text))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (MINIMAL, True),
        ("[suite]\nname = 'of another tool'\n", False),
        ("[metric]\nname = 'top1'\n[hil]\nschema = 1\n", True),
        ("[hil]\nname = 'no schema'\n", True),
        ("hil = 5\n", False),
        ("[hil]\nschema = 1\nbroken =\n", True),
        ("not toml at all", False),
    ],
)
def test_only_files_with_our_table_are_ours(folder: Path, text: str, ours: bool) -> None:
    assert is_suite_file(suite_file(folder, text)) is ours


def test_a_metric_has_a_direction(folder: Path) -> None:
    for name, better in (("top1", "higher"), ("rmse", "lower")):
        suite = load_suite(suite_file(folder, MINIMAL + f'[metric]\nname = "{name}"\n'))
        assert suite.metric is not None
        assert suite.metric.better == better


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[checks.accuracy]\nmin = 0.5\n", "there is no metric"),
        ('[metric]\nname = "top1"\n[checks.accuracy]\nmax = 0.5\n', "of top1 higher is better"),
        ('[metric]\nname = "mae"\n[checks.accuracy]\nmin = 0.5\n', "of mae lower is better"),
    ],
)
def test_a_limit_that_nothing_is_held_to_is_an_error(folder: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_suite(suite_file(folder, MINIMAL + text))


def test_a_misspelt_required_key_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"'hil\.name' is missing") as caught:
        load_suite(suite_file(folder, MINIMAL.replace("name =", "nmae =")))
    assert "'nmae' is no key" in caught.value.hint
