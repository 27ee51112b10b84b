"""`hil model fix` and `--per-tensor-dense` as users meet them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hil.model.flatbuffer import read_model
from hil.vocab import Scheme
from tests.cli.test_cli import DIGITS, hil, refused
from tests.extras import needs_quantizer
from tests.model.data import model_file

OF_2020 = ("--tflm", "2020")


def test_fix_says_what_it_did_and_that_nothing_changed(tmp_path: Path) -> None:
    output = tmp_path / "out.tflite"
    done = hil("model", "fix", model_file("flat_free_float"), "-o", output, *OF_2020)
    assert done.returncode == 0, done.stderr
    assert "the batch of tensor 0" in done.stdout
    assert "3 operators computing constants replaced by their values" in done.stdout
    assert "LiteRT gives the same outputs for both (3 random vectors)" in done.stdout
    assert "still" not in done.stdout
    assert hil("model", "inspect", output, "--target", "stm32f746", *OF_2020).returncode == 0


def test_fix_compares_models_with_int8_instead_of_uint8_as_well(tmp_path: Path) -> None:
    output = tmp_path / "out.tflite"
    done = hil("model", "fix", model_file("u8io"), "--int8-io", "-o", output, *OF_2020)
    assert done.returncode == 0, done.stderr
    assert "LiteRT gives the same outputs for both" in done.stdout
    assert {t.type for t in read_model(output).input_tensors} == {"INT8"}


def test_fix_with_nothing_to_do_copies_the_model(tmp_path: Path) -> None:
    output = tmp_path / "out.tflite"
    done = hil("model", "fix", DIGITS, "-o", output, *OF_2020)
    assert done.returncode == 0, done.stderr
    assert "nothing that can be fixed" in done.stdout
    assert output.read_bytes() == DIGITS.read_bytes()


def test_fix_names_what_it_cannot_fix(tmp_path: Path) -> None:
    done = hil(
        "model", "fix", model_file("k_up_nearest_int8"), "-o", tmp_path / "out.tflite", *OF_2020
    )
    assert done.returncode == 0, done.stderr
    assert "what keeps it from running on stm32f746" in done.stdout
    assert "operators 2 and 4 TILE" in done.stdout


def test_fix_keeps_the_model_itself(tmp_path: Path) -> None:
    source = tmp_path / "model.tflite"
    source.write_bytes(DIGITS.read_bytes())
    refused(hil("model", "fix", source, "-o", source), "is the source itself")


def test_per_tensor_dense_says_what_it_costs(tmp_path: Path) -> None:
    output = tmp_path / "out.tflite"
    source = model_file("dense_per_channel_int8")
    done = hil("model", "convert", source, "--per-tensor-dense", "-o", output)
    assert done.returncode == 0, done.stderr
    assert "operator 0 FULLY_CONNECTED: 12 scales made one; weights change by up to" in done.stdout
    assert "measure it with hil run" in done.stdout
    assert hil("model", "inspect", output, "--target", "stm32f746", *OF_2020).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((DIGITS, "--per-tensor-dense"), "no dense layer with a scale for each channel"),
        ((DIGITS, "--per-tensor-dense", "--scheme", "int8"), "--per-tensor-dense goes alone"),
        ((model_file("flat_free_float"), "--per-tensor-dense"), "is float32"),
        ((DIGITS,), "which scheme?"),
    ],
)
def test_per_tensor_dense_refuses_what_it_cannot_do(
    arguments: tuple[object, ...], message: str, tmp_path: Path
) -> None:
    done = hil("model", "convert", *arguments, "-o", tmp_path / "out.tflite")
    refused(done, message)


def test_per_tensor_dense_is_for_tflite_files(tmp_path: Path) -> None:
    source = tmp_path / "model.keras"
    source.write_bytes(b"anything")
    done = hil("model", "convert", source, "--per-tensor-dense", "-o", tmp_path / "out.tflite")
    refused(done, "is no .tflite file")


@needs_quantizer
def test_converting_fixes_a_free_batch(tmp_path: Path) -> None:
    output, vectors = tmp_path / "out.tflite", tmp_path / "x.npz"
    np.savez(vectors, x=np.random.default_rng(5).random((20, 12, 12, 3), np.float32))
    source = model_file("flat_free_float")
    options = ["--scheme", "int8", "--calibration", vectors]
    done = hil("model", "convert", source, *options, "-o", output)
    assert done.returncode == 0, done.stderr
    model = read_model(output)
    assert model.scheme is Scheme.INT8
    assert "SHAPE" not in model.operator_names
    assert hil("model", "inspect", output, "--target", "stm32f746", *OF_2020).returncode == 0


def test_inspect_says_what_a_file_was_made_for() -> None:
    done = hil("model", "inspect", model_file("ethosu"), "--target", "stm32f746", *OF_2020)
    assert done.returncode == 2
    assert "compiled for Ethos-U (by Vela); give the file from before Vela" in done.stdout
    alone = hil("model", "inspect", model_file("ethosu"))
    assert alone.returncode == 0
    assert "made   compiled for Ethos-U (by Vela)" in alone.stdout


@pytest.mark.parametrize(("tflm", "call"), [("2020", "AddBuiltin"), ("2024", "AddConv2D(")])
def test_export_is_for_the_tflm_that_is_named(tflm: str, call: str, tmp_path: Path) -> None:
    done = hil("model", "export-c", DIGITS, "-o", tmp_path, "--name", "digits", "--tflm", tflm)
    assert done.returncode == 0, done.stderr
    assert call in (tmp_path / "digits_resolver.h").read_text()


def test_export_warns_of_what_that_tflm_gets_wrong(tmp_path: Path) -> None:
    source = model_file("dense_per_channel_int8")
    done = hil("model", "export-c", source, "-o", tmp_path, "--tflm", "2020")
    assert done.returncode == 0, done.stderr
    assert "warning: operator 0 FULLY_CONNECTED: per-channel weights" in done.stderr


def test_export_refuses_what_the_tflm_lacks(tmp_path: Path) -> None:
    done = hil("model", "export-c", model_file("k_up_nearest_int8"), "-o", tmp_path / "out")
    refused(done, "has no kernel for TILE")
    assert "tf.image.resize" in done.stderr
