"""The headers in the wheel of XMOS: TFLM of 2023 in a namespace of its own. Refused as they are;
with the namespace back, a second check that the harness compiles against headers of others.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.tflm.detect import detect_tree
from hil.tflm.source import TflmSource
from tests.tflm.harness_syntax import complaints

pytestmark = [pytest.mark.install, pytest.mark.toolchain]

WHEEL = "xmos-ai-tools==1.4.2"
INSIDE = "xmos_ai_tools/runtime/include/"
TIMEOUT_S = 600
# Without it the fork's tensors keep the members that it trims.
TRIMMED = "TF_LITE_STATIC_MEMORY"


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xmos")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", WHEEL, "-d", str(folder)]
    subprocess.run(command, check=True, timeout=TIMEOUT_S)
    (wheel,) = folder.glob("*.whl")
    root = folder / "headers"
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(INSIDE) and name.endswith(".h"):
                path = root / name.removeprefix(INSIDE)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
    return root


def test_they_are_refused_as_the_fork_of_xmos(headers: Path) -> None:
    with pytest.raises(ConfigError, match="fork of XMOS"):
        detect_tree(headers)


def test_with_the_namespace_back_the_harness_compiles(
    headers: Path, tflm_2024: TflmSource, tmp_path: Path
) -> None:
    root = tmp_path / "tree"
    for path in headers.rglob("*.h"):
        copy = root / path.relative_to(headers)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8", errors="replace")
        copy.write_text(text.replace("tflite_micro", "tflite"))
    (root / "tensorflow/lite/micro/micro_interpreter.cc").write_text("")
    found = detect_tree(root)
    assert found.marks is not None
    assert found.marks.registration == "TFLMRegistration"
    assert found.marks.log_takes_format
    assert not found.marks.takes_reporter
    borrowed = [tflm_2024.root / "third_party" / name for name in ("gemmlowp", "ruy")]
    generation = replace(
        found.generation,
        defines=tuple(each for each in found.generation.defines if each != TRIMMED),
        include_dirs=(".", *map(str, borrowed)),
    )
    assert complaints(found.root, generation, tmp_path) == ""
