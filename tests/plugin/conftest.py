"""What tests of the plugin share: the real home folder, and a small suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import HOME
from tests.sessions import make_suite


@pytest.fixture(autouse=True)
def _real_home(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytester moves it; cargo and the cache of images are in the real one."""
    monkeypatch.setenv("HOME", str(HOME))


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Path:
    """A suite of one small model."""
    return make_suite(pytester.path / "small")
