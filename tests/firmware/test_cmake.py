from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import BuildError
from hil.firmware import cmake
from hil.firmware.cmake import TimeLimits, build

pytestmark = pytest.mark.toolchain

STEPS = 4
# Each step takes its time and needs the one before it.
PROJECT = """
cmake_minimum_required(VERSION 3.18)
project(slow LANGUAGES NONE)
set(before)
foreach(number RANGE 1 {steps})
  if(number EQUAL {slow_step})
    set(pause {slow_s})
  else()
    set(pause {pause_s})
  endif()
  add_custom_command(OUTPUT out${{number}} DEPENDS ${{before}}
    COMMAND sh -c "echo $$$$ > pid; sleep ${{pause}}; touch out${{number}}" VERBATIM)
  set(before ${{CMAKE_CURRENT_BINARY_DIR}}/out${{number}})
endforeach()
add_custom_target(all_steps ALL DEPENDS ${{before}})
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setattr(cmake, "firmware_harness_dir", lambda: folder)
    return folder


def write(project: Path, pause_s: float, slow_step: int = 0, slow_s: float = 0.0) -> None:
    text = PROJECT.format(steps=STEPS, pause_s=pause_s, slow_step=slow_step, slow_s=slow_s)
    (project / "CMakeLists.txt").write_text(text)


def test_a_slow_build_that_goes_forward_is_no_error(project: Path, tmp_path: Path) -> None:
    write(project, pause_s=1.3)
    done: list[tuple[int, int]] = []
    build(
        "tflm",
        tmp_path / "work",
        {},
        tmp_path / "log",
        lambda *counts: done.append(counts),
        TimeLimits(without_progress_s=4.0, total_s=60.0),
    )
    assert done[-1] == (STEPS, STEPS)
    assert (tmp_path / "work" / f"out{STEPS}").is_file()


def test_a_build_that_stands_still_says_which_step_and_how_far(
    project: Path, tmp_path: Path
) -> None:
    write(project, pause_s=0.0, slow_step=3, slow_s=600)
    with pytest.raises(BuildError) as caught:
        build(
            "tflm",
            tmp_path / "work",
            {},
            tmp_path / "log",
            limits=TimeLimits(without_progress_s=4.0, total_s=60.0),
        )
    text = str(caught.value)
    assert text.startswith("build tflm: timed out after 4 s without progress at 2 of 4 files\n")
    assert str(tmp_path / "log") in caught.value.hint
    assert_ended(int((tmp_path / "work" / "pid").read_text()))


def test_a_build_that_never_ends_is_ended(project: Path, tmp_path: Path) -> None:
    write(project, pause_s=2.0)
    with pytest.raises(BuildError, match=r"timed out after 5 s at [12] of 4 files"):
        build(
            "image",
            tmp_path / "work",
            {},
            tmp_path / "log",
            limits=TimeLimits(without_progress_s=4.0, total_s=5.0),
        )
    assert_ended(int((tmp_path / "work" / "pid").read_text()))


def test_a_configuration_that_stands_still_is_named_so(project: Path, tmp_path: Path) -> None:
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(slow LANGUAGES NONE)\n"
        "execute_process(COMMAND sleep 600)\n"
    )
    with pytest.raises(BuildError, match=r"^configure image: timed out after 2 s without progress"):
        build("image", tmp_path / "work", {}, tmp_path / "log", limits=TimeLimits(2.0, 60.0))


def assert_ended(process_id: int) -> None:
    """The compiler that Ninja started does not run on."""
    status = Path(f"/proc/{process_id}/stat")
    assert not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z"
