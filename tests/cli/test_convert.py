"""`hil model convert` and `hil model export-c` as users meet them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hil.model.flatbuffer import read_model
from hil.vocab import Scheme
from tests.cli.test_cli import hil, refused
from tests.conftest import SUITES
from tests.extras import needs_quantizer

DIGITS = SUITES / "digits" / "models" / "digits_float32.tflite"
INT8 = SUITES / "digits" / "models" / "digits_int8.tflite"


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.random.default_rng(5).random((8, 8, 8, 1), np.float32))
    return path


@needs_quantizer
def test_convert_writes_the_scheme_and_inspect_says_how_it_was_made(
    vectors: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.tflite"
    done = hil(
        "model", "convert", DIGITS, "--scheme", "int8", "--calibration", vectors, "-o", output
    )
    assert done.returncode == 0, done.stderr
    assert f"{output.stat().st_size:,} bytes" in done.stdout
    assert "calibrated on 8 vectors" in done.stdout
    assert read_model(output).scheme is Scheme.INT8
    inspected = hil("model", "inspect", output, "--target", "stm32f746")
    assert inspected.returncode == 0
    assert "made   int8 from tflite 811284b2 by ai-edge-quantizer" in inspected.stdout


def test_the_source_is_not_written_over(tmp_path: Path) -> None:
    source = tmp_path / "model.tflite"
    source.write_bytes(DIGITS.read_bytes())
    done = hil("model", "convert", source, "--scheme", "dynamic", "-o", source)
    refused(done, "is the source itself")
    assert source.read_bytes() == DIGITS.read_bytes()


@needs_quantizer
def test_calibration_without_a_range_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "zero.npz", x=np.zeros((8, 8, 8, 1), np.float32))
    options = ["--scheme", "int8", "--calibration", tmp_path / "zero.npz"]
    done = hil("model", "convert", DIGITS, *options, "-o", tmp_path / "o.tflite")
    refused(done, "an input has the same value everywhere")


def test_inspect_of_another_file_says_nothing_of_its_making() -> None:
    assert "made   " not in hil("model", "inspect", INT8).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([DIGITS, "--scheme", "int7"], "did you mean int8"),
        ([DIGITS, "--scheme", "int8"], "int8 needs calibration vectors"),
        ([INT8, "--scheme", "dynamic"], "is int8 already"),
        (["none.tflite", "--scheme", "float32"], "there is no none.tflite"),
        ([__file__, "--scheme", "float32"], "is no model that converts"),
        ([SUITES, "--scheme", "float32"], "is no SavedModel"),
        ([DIGITS, "--scheme", "float16", "--per-channel-dense"], "float16 has no scales"),
        ([DIGITS, "--scheme", "int8", "--calibration", "none.npz"], "cannot read none.npz"),
        ([DIGITS, "--scheme", "int8", "--calibration", DIGITS], "no usable .npz file"),
    ],
)
def test_what_cannot_be_converted_is_one_error_and_leaves_no_file(
    arguments: Sequence[object], message: str, tmp_path: Path
) -> None:
    done = hil("model", "convert", *arguments, "-o", "out.tflite", cwd=tmp_path)
    refused(done, message)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_found_before_converting(tmp_path: Path) -> None:
    done = hil("model", "convert", DIGITS, "--scheme", "float32", "-o", tmp_path)
    refused(done, "it is a folder")


def test_export_writes_array_header_and_resolver(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    done = hil("model", "export-c", INT8, "-o", folder)
    assert done.returncode == 0, done.stderr
    names = ["digits_int8.c", "digits_int8.h", "digits_int8_resolver.h"]
    assert sorted(path.name for path in folder.iterdir()) == names
    again = hil("model", "export-c", INT8, "-o", folder, "--name", "other")
    assert again.returncode == 0
    assert "other_len" in (folder / "other.h").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([INT8, "-o", "out", "--name", "8bit"], "is no name for a C array"),
        ([INT8, "-o", __file__], "is no folder"),
        ([INT8, "-o", "/nowhere/out"], "cannot make folder"),
        (["none.tflite", "-o", "out"], "cannot read none.tflite"),
    ],
)
def test_what_cannot_be_exported_is_one_error_and_leaves_no_file(
    arguments: Sequence[object], message: str, tmp_path: Path
) -> None:
    refused(hil("model", "export-c", *arguments, cwd=tmp_path), message)
    assert list(tmp_path.iterdir()) == []
