"""Suites as pytest sees them: a file per `suite.toml`, an item per check, model and target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hil.errors import ConfigError, HilError, UnsupportedModel
from hil.plugin.broker import RunKey
from hil.plugin.options import NO_TARGET, UNSUPPORTED_FAIL
from hil.plugin.results import CheckFailed
from hil.plugin.session import HilSession, session_of
from hil.record import Verdict
from hil.suite import Suite, load_suite
from hil.vocab import CheckName, Status


class SuiteFile(pytest.File):
    """A suite's folder."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item per target, kernel library, model and check; runs of one model together."""
        session = session_of(self.config)
        try:
            suite = load_suite(self.path)
            if session is not None:
                session.take_suite(suite)
        except ConfigError as error:
            raise self.CollectError(str(error)) from error
        if session is None:
            yield from self._skipped(suite)
            return
        yield from session.vanished(suite, self)
        swept = len(session.kernels) > 1
        for target in session.targets:
            for kernels in session.kernels:
                for model in suite.models:
                    key = RunKey(suite, model, target, kernels)
                    suffix = f"-{kernels}" if swept else ""
                    for check in CheckName:
                        name = f"{check.value}[{target.name}-{model.label}{suffix}]"
                        yield HilItem.from_parent(self, name=name, check=check, key=key)

    def _skipped(self, suite: Suite) -> Iterator[HilItem]:
        for model in suite.models:
            for check in CheckName:
                name = f"{check.value}[{model.label}]"
                yield HilItem.from_parent(self, name=name, check=check, key=None)


class HilItem(pytest.Item):
    """One check of one run."""

    def __init__(self, *, check: CheckName, key: RunKey | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.check = check
        self.key = key
        self.verdict: Verdict | None = None
        self.error: HilError | None = None
        # pytest-embedded takes every item for a function and looks here.
        self.funcargs: dict[str, Any] = {}

    def setup(self) -> None:
        """Measures the run if no other check has yet. What goes wrong there is pytest's ERROR."""
        session = session_of(self.config)
        if self.key is None or session is None:
            pytest.skip(NO_TARGET)
        try:
            self.verdict = session.verdict(self.key, self.check, self)
        except UnsupportedModel as error:
            self.error = error
            self._unsupported(session, error)
        except HilError as error:
            self.error = error
            raise
        if self.verdict is not None and self.verdict.status is Status.ERROR:
            self.error = HilError(self.verdict.reason)
            raise self.error

    def _unsupported(self, session: HilSession, error: UnsupportedModel) -> None:
        if session.options.unsupported == UNSUPPORTED_FAIL:
            raise error
        pytest.skip(f"unsupported: {error.message}")

    def runtest(self) -> None:
        """Gives the verdict."""
        assert self.verdict is not None
        if self.verdict.status is Status.FAIL:
            raise CheckFailed(self.verdict.reason)
        if self.verdict.status is Status.SKIP:
            pytest.skip(self.verdict.reason)

    def verdict_of(self, call: pytest.CallInfo[None]) -> Verdict | None:
        """Its verdict once the call is over; when it never came to that, the reason after setup."""
        if self.key is None or call.when != ("call" if self.error is None else "setup"):
            return None
        if self.verdict is not None or self.error is None:
            return self.verdict
        unsupported = isinstance(self.error, UnsupportedModel)
        return Verdict(
            check=self.check,
            status=Status.UNSUPPORTED if unsupported else Status.ERROR,
            reason=self.error.message,
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Our own errors speak for themselves; a traceback through hil would say less."""
        if isinstance(excinfo.value, CheckFailed):
            return str(excinfo.value)
        if isinstance(excinfo.value, HilError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where the item is, for pytest's listings."""
        return self.path, None, self.name
