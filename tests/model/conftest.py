"""TFLM of 2020, which most rules and remedies of these tests are about."""

from __future__ import annotations

import pytest

from hil.firmware.build import Builder
from hil.model.preflight import Limits
from hil.target import Target
from hil.tflm.kernels import REFERENCE
from hil.tflm.source import TflmSource


@pytest.fixture(scope="session")
def builder_2020(target: Target, tflm_2020: TflmSource) -> Builder:
    """Builds images with the reference kernels of 2020."""
    return Builder(target, tflm_2020, REFERENCE)


@pytest.fixture(scope="session")
def limits(builder_2020: Builder) -> Limits:
    """What TFLM of 2020 on an STM32F746 offers."""
    return builder_2020.limits()
