from __future__ import annotations

import pytest

from hil.errors import ModelError
from hil.model.convert_form import normal_form
from hil.model.provenance import CalibrationRecord, Provenance, SourceKind, read_provenance
from hil.vocab import Scheme
from tests import models

PROVENANCE = Provenance(
    source_kind=SourceKind.TFLITE,
    source_sha256="ab12cd34" * 8,
    scheme=Scheme.INT8,
    per_channel_dense=False,
    tools={"ai-edge-quantizer": "0.10.0"},
    calibration=CalibrationRecord(sha256="99887766" * 8, vectors=200),
)


def test_what_was_written_is_read_back() -> None:
    assert read_provenance(normal_form(models.dense_float(), PROVENANCE)) == PROVENANCE


def test_a_file_that_says_nothing_has_none() -> None:
    assert read_provenance(models.dense_float()) is None


def test_converting_again_replaces_it() -> None:
    first = normal_form(models.dense_float(), PROVENANCE)
    other = PROVENANCE.model_copy(update={"source_sha256": "0" * 64})
    assert read_provenance(normal_form(first, other)) == other


def test_it_reads_as_one_line() -> None:
    assert str(PROVENANCE) == (
        "int8 from tflite ab12cd34 by ai-edge-quantizer 0.10.0, "
        "calibrated on 200 vectors (99887766)"
    )
    plain = PROVENANCE.model_copy(update={"tools": {}, "calibration": None})
    assert str(plain) == "int8 from tflite ab12cd34"


def test_what_cannot_be_read_is_an_error() -> None:
    content = normal_form(models.dense_float(), PROVENANCE)
    spoilt = content.replace(b'"source_kind":"tflite"', b'"source_kind":"tfl!te"')
    assert spoilt != content
    with pytest.raises(ModelError, match="cannot be read"):
        read_provenance(spoilt)
