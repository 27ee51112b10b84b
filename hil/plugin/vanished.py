"""Items for what the baseline has and the suites do not any more."""

from __future__ import annotations

from typing import Any

import pytest

from hil.gate.baseline import Key
from hil.plugin.results import CheckFailed


class VanishedItem(pytest.Item):
    """An entry of the baseline whose model or suite is not there any more."""

    def __init__(self, *, key: Key, strict: bool, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.entry = key
        self._strict = strict
        # pytest-embedded takes every item for a function and looks here.
        self.funcargs: dict[str, Any] = {}

    @classmethod
    def of(cls, parent: pytest.Collector, key: Key, *, strict: bool) -> VanishedItem:
        """The item of an entry."""
        name = f"baseline[{key.target}-{key.model}-{key.kernels}]"
        item: VanishedItem = cls.from_parent(parent, name=name, key=key, strict=strict)
        return item

    @property
    def text(self) -> str:
        """What is missing."""
        return f"vanished: the baseline has {self.entry}"

    def runtest(self) -> None:
        """Skips with what is missing, or fails when the gate is strict."""
        if self._strict:
            raise CheckFailed(self.text)
        pytest.skip(self.text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """What is missing, without a traceback."""
        if isinstance(excinfo.value, CheckFailed):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where the item is, for pytest's listings."""
        return self.path, None, self.name
