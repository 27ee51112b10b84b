from __future__ import annotations

from pathlib import Path

import pytest

from hil.config_file import Table, read_toml, validate
from hil.errors import ConfigError


class Inner(Table):
    size: int


class Outer(Table):
    name: str
    inner: Inner
    parts: dict[str, Inner] = {}


PATH = Path("some.toml")


def test_a_good_table_becomes_a_model() -> None:
    assert validate(Outer, {"name": "a", "inner": {"size": 1}}, PATH).inner.size == 1


def test_an_unknown_key_is_named_with_its_nearest() -> None:
    with pytest.raises(ConfigError, match=r"some\.toml: unknown key 'inner\.sise'") as caught:
        validate(Outer, {"name": "a", "inner": {"size": 1, "sise": 2}}, PATH)
    assert caught.value.hint == "did you mean size?"


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"key 'inner\.size' is missing"):
        validate(Outer, {"name": "a", "inner": {}}, PATH)


def test_a_wrong_type_is_named() -> None:
    with pytest.raises(ConfigError, match=r"parts\.one\.size: .*integer"):
        table = {"name": "a", "inner": {"size": 1}, "parts": {"one": {"size": "big"}}}
        validate(Outer, table, PATH)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        read_toml(tmp_path / "none.toml")


def test_broken_toml_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("[table\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_toml(path)
