"""TOML files read into pydantic models, with errors a user can act on."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from hil.errors import ConfigError, did_you_mean


class Table(BaseModel):
    """Base of every table: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


FileModel = TypeVar("FileModel", bound=Table)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises ConfigError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def validate(kind: type[FileModel], table: dict[str, Any], path: Path) -> FileModel:
    """`table` as a `kind`. Raises ConfigError that names the file and the key."""
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        location = [part for part in first["loc"] if isinstance(part, str | int)]
        key = ".".join(str(part) for part in location)
        if first["type"] == "extra_forbidden":
            known = _keys_at(kind, location[:-1])
            raise ConfigError(
                f"{path}: unknown key {key!r}", hint=did_you_mean(str(location[-1]), known)
            ) from error
        if first["type"] == "missing":
            table_there = _table_at(table, location[:-1])
            unknown = sorted(set(table_there) - set(_keys_at(kind, location[:-1])))
            near = get_close_matches(str(location[-1]), unknown, n=1, cutoff=0.5)
            hint = f"{near[0]!r} is no key: is it meant?" if near else ""
            raise ConfigError(f"{path}: key {key!r} is missing", hint=hint) from error
        message = first["msg"].removeprefix("Value error, ")
        if isinstance(first["input"], str | int | float):
            message += f" (it is {first['input']!r})"
        raise ConfigError(f"{path}: {key}: {message}" if key else f"{path}: {message}") from error


def _table_at(table: Any, location: list[str | int]) -> dict[str, Any]:
    """The table at `location`, {} when there is none."""
    for part in location:
        try:
            table = table[part]
        except (KeyError, IndexError, TypeError):
            return {}
    return table if isinstance(table, dict) else {}


def _keys_at(kind: type[BaseModel], location: list[str | int]) -> list[str]:
    """Names of the keys that the table at `location` may have."""
    current: Any = kind
    for part in location:
        if isinstance(part, str) and _is_model(current) and part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation)
        elif not _is_model(current):
            return []
    return sorted(current.model_fields) if _is_model(current) else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _model_in(annotation: Any) -> Any:
    """The model inside Optional, list, dict or Annotated; None when there is none."""
    if _is_model(annotation):
        return annotation
    if get_origin(annotation) in (Union, UnionType, Annotated, list, tuple, dict):
        for inner in get_args(annotation):
            found = _model_in(inner)
            if found is not None:
                return found
    return None
