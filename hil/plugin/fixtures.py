"""Fixtures for tests written in Python. They skip when there is no target to measure on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from hil.plugin.options import NO_TARGET

if TYPE_CHECKING:
    from hil.bench.board import Board
    from hil.device import Device
    from hil.plugin.broker import RunKey
    from hil.plugin.session import HilSession
    from hil.record import RunRecord
    from hil.target import Target


def _session(request: pytest.FixtureRequest) -> HilSession:
    from hil.plugin.session import session_of

    session = session_of(request.config)
    if session is None:
        pytest.skip(NO_TARGET)
    return session


@pytest.fixture(scope="session")
def hil_target(request: pytest.FixtureRequest) -> Target:
    """The target (`hil.target.Target`); the test runs once for each that was asked for."""
    if not hasattr(request, "param"):
        pytest.skip(NO_TARGET)
    target: Target = request.param
    return target


@pytest.fixture(scope="session")
def hil_board(request: pytest.FixtureRequest, hil_target: Target) -> Board:
    """The board of the target (`hil.bench.board.Board`), real or emulated."""
    with _told_plainly():
        return _session(request).broker.bench.board(hil_target)


@pytest.fixture
def hil_run(request: pytest.FixtureRequest, hil_target: Target) -> RunRecord:
    """The run of the model that the `hil` marker names (`hil.record.RunRecord`).

    Measured once in a session, whoever asks first: the suite's own checks use the same run.
    """
    with _told_plainly():
        session = _session(request)
        key = run_key(request.node, hil_target, session.kernels[0])
        return session.broker.outcome(key).record


@pytest.fixture
def hil_device(request: pytest.FixtureRequest, hil_target: Target) -> Iterator[Device]:
    """The board with the model of the `hil` marker on it, freshly reset, greeted and allocated
    (`hil.device.Device`).
    """
    with _told_plainly():
        session = _session(request)
        key = run_key(request.node, hil_target, session.kernels[0])
        device = session.broker.open_device(key)
    yield device
    device.close()


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Our errors without the way they came: skips what is unsupported, fails for the rest."""
    from hil.errors import HilError, UnsupportedModel

    try:
        yield
    except UnsupportedModel as error:
        pytest.skip(f"unsupported: {error.message}")
    except HilError as error:
        pytest.fail(str(error), pytrace=False)


def run_key(item: pytest.Item, target: Target | None, kernels: str) -> RunKey:
    """The run that the test's `hil(model=...)` marker asks for. Raises ConfigError."""
    from hil.errors import ConfigError, did_you_mean
    from hil.plugin import SUITE_FILE
    from hil.plugin.broker import RunKey
    from hil.suite import load_suite

    marker = item.get_closest_marker("hil")
    wanted = marker.kwargs.get("model") if marker is not None else None
    if not isinstance(wanted, str) or (marker is not None and marker.args):
        raise ConfigError("say which model, as in @pytest.mark.hil(model='digits_int8')")
    if target is None:
        raise ConfigError("the test needs one of the fixtures hil_run, hil_device, hil_target")
    path = item.path.parent / SUITE_FILE
    suite = load_suite(path)
    models = {model.label: model for model in suite.models}
    if wanted not in models:
        raise ConfigError(f"{path} has no model {wanted!r}", hint=did_you_mean(wanted, models))
    return RunKey(suite, models[wanted], target, kernels)
