"""Marks for tests that need an optional package."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

needs_quantizer = pytest.mark.skipif(
    find_spec("ai_edge_quantizer") is None, reason="the extra quantize is not installed"
)
needs_tensorflow = pytest.mark.skipif(
    find_spec("tensorflow") is None, reason="the extra train is not installed"
)
