from __future__ import annotations

from pathlib import Path
from time import monotonic

import pytest

from hil.errors import PortLost
from hil.link.pipe import EXIT_TIMEOUT_S, PipePort


@pytest.fixture
def stubborn(tmp_path: Path) -> Path:
    """A program that neither reads nor ends, with a child that holds its output open."""
    program = tmp_path / "stubborn"
    program.write_text("#!/bin/sh\ntrap '' TERM\nsleep 600 &\nwait\n")
    program.chmod(0o700)
    return program


def test_a_killed_program_is_gone_at_once_with_what_it_started(stubborn: Path) -> None:
    port = PipePort(stubborn)
    assert port.read(0.05) == b""
    start = monotonic()
    port.kill()
    with pytest.raises(PortLost):  # the end of the output: nobody holds it open any more
        port.read(EXIT_TIMEOUT_S)
    port.close()
    assert port.has_ended
    assert monotonic() - start < EXIT_TIMEOUT_S / 2


def test_killing_what_has_ended_does_nothing(stubborn: Path) -> None:
    port = PipePort(stubborn)
    port.kill()
    port.close()
    port.kill()
    assert port.has_ended
