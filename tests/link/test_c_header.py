from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hil.link.c_header import protocol_header
from hil.link.codes import MessageType
from hil.link.messages import MESSAGES

needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="no host compiler")


def test_the_header_declares_every_message_and_type() -> None:
    header = protocol_header()
    for member in MessageType:
        assert f"HIL_MESSAGE_{member.name} = {member.value:#x}" in header
    for message in MESSAGES:
        assert (f"}} Hil{message.__name__};" in header) == bool(message.LAYOUT)


@needs_compiler
def test_the_header_compiles_and_its_sizes_are_those_on_the_wire(tmp_path: Path) -> None:
    (tmp_path / "protocol.h").write_text(protocol_header())
    source = tmp_path / "check.cc"
    source.write_text('#include "protocol.h"\nint main() { return 0; }\n')
    subprocess.run(
        ["g++", "-std=c++11", "-Wall", "-Werror", "-c", source, "-o", "/dev/null"], check=True
    )
