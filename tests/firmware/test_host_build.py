from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hil.firmware.build import Builder
from hil.firmware.cache import Cache
from hil.firmware.host_build import HostBuilder
from hil.tflm.kernels import PORTABLE_OPTIMIZED


@pytest.mark.toolchain
def test_beside_a_builder_everything_is_as_for_the_board(builder: Builder, tmp_path: Path) -> None:
    board = replace(
        builder,
        kernels=PORTABLE_OPTIMIZED,
        optimization=("-O1",),
        cache=Cache(tmp_path),
    )
    host = HostBuilder.beside(board)
    assert host.tflm is board.tflm
    assert host.cache is board.cache
    assert (host.kernels, host.optimization) == (board.kernels, ("-O1",))
