"""A suite's `data.py`: loaded by path, under a name of its own, when it is needed."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from hil.data import Array, Vectors, vectors_for
from hil.errors import DataError
from hil.model.info import ModelInfo


class SuiteData:
    """What a suite's data module gives. The vectors of each function are loaded once."""

    def __init__(self, path: Path, function: str) -> None:
        self._path = path
        self._function = function
        self._module: ModuleType | None = None
        self._arrays: dict[str, Mapping[str, Array]] = {}

    @property
    def path(self) -> Path:
        """The module's file."""
        return self._path

    def vectors(self, model: ModelInfo, function: str | None = None) -> Vectors:
        """The suite's vectors, or another function's, as the model takes them. Raises DataError."""
        name = function or self._function
        if name not in self._arrays:
            self._arrays[name] = self._load(name)
        return vectors_for(model, self._arrays[name], f"{self._path.name}:{name}")

    def function(self, name: str) -> Any:
        """A function of the module. Raises DataError when it has none of that name."""
        found = getattr(self._imported(), name, None)
        if not callable(found):
            raise DataError(f"{self._path} has no function {name}")
        return found

    def _load(self, function: str) -> Mapping[str, Array]:
        arrays = self.call(function)
        if not isinstance(arrays, Mapping):
            raise DataError(
                f"{self._path}:{function} returned {type(arrays).__name__}, not a dict",
                hint="return {'x': inputs, 'y': labels}",
            )
        return {
            str(name): self._as_array(function, str(name), array) for name, array in arrays.items()
        }

    def _as_array(self, function: str, name: str, values: Any) -> Array:
        try:
            return np.asarray(values)
        except ValueError as error:
            raise DataError(
                f"{self._path}:{function}: {name!r} is no array: {error}",
                hint="all its rows must have the same shape",
            ) from error

    def call(self, name: str, *arguments: Any) -> Any:
        """What a function of the module returns. Raises DataError with its traceback."""
        function = self.function(name)
        try:
            return function(*arguments)
        except Exception as error:  # user code: anything may come
            raise DataError(
                f"{self._path}:{name} raised {type(error).__name__}: {error}",
                detail=_own_frames(self._path),
                hint="is the package that holds the data installed?"
                if isinstance(error, ModuleNotFoundError)
                else "",
            ) from error

    def _imported(self) -> ModuleType:
        if self._module is None:
            unique = hashlib.sha256(str(self._path).encode()).hexdigest()[:12]
            name = f"_hil_suite_data_{unique}"
            spec = importlib.util.spec_from_file_location(name, self._path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            try:
                spec.loader.exec_module(module)
            except Exception as error:  # user code: anything may come
                del sys.modules[name]
                raise DataError(
                    f"{self._path} does not import: {type(error).__name__}: {error}",
                    detail=_own_frames(self._path),
                ) from error
            self._module = module
        return self._module


def _own_frames(path: Path) -> str:
    """The lines of the exception in flight that lie in the user's file."""
    _, _, trace = sys.exc_info()
    frames = [f for f in traceback.extract_tb(trace) if Path(f.filename) == path]
    return "\n".join(f"{path.name}:{frame.lineno}: {frame.line}" for frame in frames)
