from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hil.bench.emulated import EmulatedBoard, probe_settings
from hil.child import ChildProcess
from hil.errors import BenchError, FlashError
from hil.firmware.image import Image
from hil.flash.pyocd_flasher import MODULE, PyocdFlasher
from hil.target import Target

pytestmark = [pytest.mark.emulated, pytest.mark.toolchain]


def test_an_image_is_programmed_and_read_back(board: EmulatedBoard, dense_image: Image) -> None:
    progress: list[float] = []
    report = board.flasher.program(dense_image.path, progress.append)
    assert report.verified_bytes == report.programmed_bytes == dense_image.sizes.flash_bytes
    assert report.chip_id & 0xFFF == 0x449
    assert progress[-1] == 1.0
    board.flasher.reset()


def test_the_flasher_stays_warm(board: EmulatedBoard, dense_image: Image) -> None:
    board.flasher.program(dense_image.path)
    board.flasher.reset()
    again = board.flasher.program(dense_image.path)
    board.flasher.reset()
    assert again.duration_s < 2


def test_the_wrong_chip_is_refused_before_anything_is_written(
    target: Target, dense_image: Image
) -> None:
    chip_id = target.mcu.chip_id.model_copy(update={"value": 0x451})
    other = target.model_copy(update={"mcu": target.mcu.model_copy(update={"chip_id": chip_id})})
    board = EmulatedBoard(other)
    with pytest.raises(BenchError, match="answers with id 0x449") as caught:
        board.flasher.program(dense_image.path)
    assert "nothing was programmed" in caught.value.hint
    board.close()


def test_a_locked_chip_is_refused_and_not_unlocked(target: Target, dense_image: Image) -> None:
    assert target.mcu.unlocked is not None
    level0 = target.mcu.unlocked.model_copy(update={"value": 0xBB00})
    mcu = target.mcu.model_copy(update={"unlocked": level0})
    board = EmulatedBoard(target.model_copy(update={"mcu": mcu}))
    with pytest.raises(BenchError, match="is read-protected") as caught:
        board.flasher.program(dense_image.path)
    assert "erases all" in caught.value.hint
    board.close()


def test_an_unknown_probe_names_those_that_are_there(
    board: EmulatedBoard, target: Target, dense_image: Image
) -> None:
    settings = replace(probe_settings(target, "0669FF", 0.0), boards_dir=str(board._folder))
    assert board.process.record
    child = ChildProcess(MODULE)
    with pytest.raises(BenchError, match="no probe 0669FF") as caught:
        PyocdFlasher(settings, child).program(dense_image.path)
    assert board.id in caught.value.hint
    child.close()


def test_bytes_outside_flash_are_refused(
    board: EmulatedBoard, dense_image: Image, tmp_path: Path
) -> None:
    moved = tmp_path / "moved.elf"
    change = ["arm-none-eabi-objcopy", "--change-section-lma", ".model=0x60000000"]
    subprocess.run([*change, dense_image.path, moved], check=True, capture_output=True)
    with pytest.raises(FlashError, match="0x60000000, where this chip has no flash"):
        board.flasher.program(moved)


def test_a_board_killed_while_programming_is_a_bench_error(
    board: EmulatedBoard, dense_image: Image
) -> None:
    board.flasher.program(dense_image.path)
    os.kill(board.process.record.pid, signal.SIGKILL)
    with pytest.raises(BenchError) as caught:
        board.flasher.program(dense_image.path)
    assert caught.value.hint


def test_a_child_that_dies_is_a_flash_error_and_the_next_call_starts_anew(
    board: EmulatedBoard, dense_image: Image
) -> None:
    board.flasher.program(dense_image.path)
    assert board._child._process is not None
    os.kill(board._child._process.pid, signal.SIGKILL)
    board._child._process.wait()
    assert board.flasher.program(dense_image.path).verified_bytes > 0


def test_pyocd_does_not_move_this_process(board: EmulatedBoard, dense_image: Image) -> None:
    here = Path.cwd()
    board.flasher.program(dense_image.path)
    assert Path.cwd() == here
