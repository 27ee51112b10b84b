from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hil.data import Inputs, Vectors, vectors_for
from hil.errors import ConfigError, DataError, ModelError
from hil.model.convert import Conversion, Converter, source_kind
from hil.model.convert_quantizer import quantize
from hil.model.flatbuffer import parse_model, read_model
from hil.model.provenance import SourceKind, read_provenance
from hil.vocab import CONVERSIONS, Scheme
from tests import models
from tests.conftest import ROOT, SUITES
from tests.extras import needs_quantizer

DIGITS = SUITES / "digits" / "models" / "digits_float32.tflite"
IMAGES = np.random.default_rng(5).random((8, 8, 8, 1), np.float32)


def images(model: Inputs) -> Vectors:
    return vectors_for(model, {"x": IMAGES}, "images")


@pytest.fixture(scope="module")
def converter() -> Iterator[Converter]:
    with Converter() as started:
        yield started


def convert(converter: Converter, scheme: Scheme, source: Path = DIGITS) -> Conversion:
    needed = scheme in (Scheme.INT8, Scheme.INT16X8)
    return converter.convert(source, scheme, images if needed else None)


@needs_quantizer
@pytest.mark.parametrize("scheme", CONVERSIONS)
def test_twice_gives_the_same_bytes_of_the_scheme_asked_for(
    converter: Converter, scheme: Scheme
) -> None:
    first = convert(converter, scheme)
    assert first.model.scheme is scheme
    assert convert(converter, scheme).model.content == first.model.content
    with Converter() as fresh:
        assert convert(fresh, scheme).model.content == first.model.content


@needs_quantizer
def test_a_file_says_how_it_was_made(converter: Converter) -> None:
    done = convert(converter, Scheme.INT8)
    found = read_provenance(done.model.content)
    assert found == done.provenance
    assert found.source_kind is SourceKind.TFLITE
    assert set(found.tools) == {"ai-edge-quantizer", "ai-edge-litert"}
    assert found.calibration is not None
    assert found.calibration.vectors == 8
    assert str(ROOT).encode() not in done.model.content


@needs_quantizer
def test_labels_do_not_change_the_calibration(converter: Converter) -> None:
    labelled = converter.convert(
        DIGITS,
        Scheme.INT8,
        lambda model: vectors_for(model, {"x": IMAGES, "y": np.zeros(8, np.int64)}, "images"),
    )
    assert labelled.model.content == convert(converter, Scheme.INT8).model.content


@needs_quantizer
def test_calibration_vectors_must_fit(converter: Converter) -> None:
    with pytest.raises(DataError, match="not N x 8 x 8 x 1"):
        converter.convert(
            DIGITS,
            Scheme.INT8,
            lambda model: vectors_for(model, {"x": np.zeros((3, 5), np.float32)}, "x"),
        )


def test_float32_needs_no_package_and_changes_only_the_form(converter: Converter) -> None:
    done = convert(converter, Scheme.FLOAT32)
    assert done.provenance.tools == {}
    assert done.seconds == 0.0
    assert done.model.scheme is Scheme.FLOAT32
    assert done.model.macs == read_model(DIGITS).macs


@pytest.mark.parametrize("scheme", [Scheme.INT8, Scheme.INT16X8])
def test_integer_schemes_need_calibration(converter: Converter, scheme: Scheme) -> None:
    with pytest.raises(ConfigError, match=f"{scheme.value} needs calibration vectors"):
        converter.convert(DIGITS, scheme)


def test_calibration_that_would_not_be_used_is_refused(converter: Converter) -> None:
    with pytest.raises(ConfigError, match="dynamic uses no calibration vectors"):
        converter.convert(DIGITS, Scheme.DYNAMIC, images)


@pytest.mark.parametrize(
    ("scheme", "why"),
    [(Scheme.WEIGHT_ONLY, "is per tensor throughout"), (Scheme.FLOAT16, "has no scales")],
)
def test_per_channel_dense_layers_must_mean_something(
    converter: Converter, scheme: Scheme, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        converter.convert(DIGITS, scheme, per_channel_dense=True)


def test_a_quantized_source_is_refused(converter: Converter) -> None:
    source = SUITES / "digits" / "models" / "digits_int8.tflite"
    with pytest.raises(ModelError, match="is int8 already"):
        converter.convert(source, Scheme.WEIGHT_ONLY)


@needs_quantizer
def test_constants_that_the_quantizer_puts_behind_the_flatbuffer_are_taken_in(
    converter: Converter, tmp_path: Path
) -> None:
    source = tmp_path / "large.tflite"
    source.write_bytes(models.dense_float(700, 700))
    raw = quantize(source.read_bytes(), Scheme.WEIGHT_ONLY, [], per_channel_dense=False)
    assert any(tensor.is_external for tensor in parse_model(raw, "raw").tensors)
    model = converter.convert(source, Scheme.WEIGHT_ONLY).model
    assert not any(tensor.is_external for tensor in model.tensors)
    assert sum(tensor.data_bytes or 0 for tensor in model.tensors) == 700 * 700 + 700 * 4


@needs_quantizer
def test_a_model_that_comes_out_otherwise_is_told(converter: Converter, tmp_path: Path) -> None:
    source = tmp_path / "add.tflite"
    source.write_bytes(models.single_operator("ADD"))
    with pytest.raises(ModelError, match="made a float32 model, not dynamic"):
        converter.convert(source, Scheme.DYNAMIC)


@pytest.mark.parametrize(
    ("module", "scheme"),
    [("ai_edge_quantizer", Scheme.DYNAMIC), ("tensorflow", Scheme.FLOAT32)],
)
def test_a_missing_package_is_named_with_its_extra(
    module: str, scheme: Scheme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{module}.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    source = DIGITS
    if module == "tensorflow":
        source = tmp_path / "model.keras"
        source.write_bytes(b"never read")
    with Converter() as converter, pytest.raises(ConfigError, match="is not installed") as caught:
        converter.convert(source, scheme)
    assert "pip install" in caught.value.hint


def test_a_converter_that_dies_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dying.py").write_text(
        "import os, sys\nsys.stdin.readline()\nos.write(2, b'last words\\n')\nos.abort()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    with Converter("dying") as converter, pytest.raises(ModelError, match="SIGABRT") as caught:
        converter.convert(DIGITS, Scheme.DYNAMIC)
    assert "last words" in caught.value.detail


@needs_quantizer
def test_what_a_converter_raises_is_told(converter: Converter, tmp_path: Path) -> None:
    source = tmp_path / "odd.tflite"
    source.write_bytes(models.dense_float())
    with pytest.raises(ModelError, match="ai-edge-quantizer refuses the model"):
        converter.convert(source, Scheme.INT8, lambda model: Vectors((), None, "none"))


def test_what_a_source_is(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    with pytest.raises(ConfigError, match="is no SavedModel"):
        source_kind(folder)
    (folder / "saved_model.pb").write_bytes(b"")
    assert source_kind(folder) is SourceKind.SAVED_MODEL
    for name, kind in (
        ("a.keras", SourceKind.KERAS),
        ("a.h5", SourceKind.KERAS),
        ("a.tflite", SourceKind.TFLITE),
    ):
        (tmp_path / name).write_bytes(b"")
        assert source_kind(tmp_path / name) is kind
    (tmp_path / "renamed.bin").write_bytes(models.dense_float())
    assert source_kind(tmp_path / "renamed.bin") is SourceKind.TFLITE
    (tmp_path / "text.txt").write_text("not a model at all")
    with pytest.raises(ConfigError, match="no model that converts"):
        source_kind(tmp_path / "text.txt")
    with pytest.raises(ConfigError, match="there is no"):
        source_kind(tmp_path / "missing.keras")


def free(batch_only: bool) -> bytes:
    """A float32 dense layer whose first dimension is free, or the second as well."""
    table = models.unpacked(models.dense_float())
    signature = [-1, 4] if batch_only else [-1, -1]
    table.subgraphs[0].tensors[0].shapeSignature = np.array(signature, np.int32)
    return models.packed(table)


def test_a_free_batch_is_fixed_whatever_the_scheme(converter: Converter, tmp_path: Path) -> None:
    source = tmp_path / "free.tflite"
    source.write_bytes(free(batch_only=True))
    done = converter.convert(source, Scheme.FLOAT32).model
    assert done.input_tensors[0].shape_signature == ()
    (flat,) = (op.name for op in done.operators)
    assert flat == "FULLY_CONNECTED"


def test_other_free_dimensions_are_refused(converter: Converter, tmp_path: Path) -> None:
    source = tmp_path / "free.tflite"
    source.write_bytes(free(batch_only=False))
    with pytest.raises(ModelError, match=r"has the free dimensions \(-1, -1\)") as failed:
        converter.convert(source, Scheme.FLOAT32)
    assert failed.value.hint == "fix all but the batch"
