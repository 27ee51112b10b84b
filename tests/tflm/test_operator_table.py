"""docs/models.md tells of the 2024 tree what its rules say, and names files that are there."""

from __future__ import annotations

import re

from hil.tflm.operator_table import WITHOUT_TYPES, operator_table
from hil.tflm.rules_2024_state import LSTM
from hil.tflm.rules_2024_types import SIGNATURES
from hil.tflm.source import TflmSource
from tests.conftest import ROOT
from tests.tflm.cases_convolution import CASES as WEIGHTED
from tests.tflm.cases_shapes import CASES as SHAPED
from tests.tflm.cases_state import CASES as RECURRENT
from tests.tflm.cases_types import CASES as TYPED
from tests.tflm.test_rules_2024 import findings

PAGE = ROOT / "docs" / "models.md"
FOLDERS = {
    "K": "tensorflow/lite/micro/kernels",
    "R": "tensorflow/lite/kernels/internal/reference",
    "N": "third_party/cmsis_nn/Source",
    "S": "signal/micro/kernels",
}


def test_the_page_holds_the_table() -> None:
    told = re.search(r"<!-- operators 2024 -->\n(.*?)<!-- end -->", PAGE.read_text(), re.S)
    assert told is not None
    assert told[1] == operator_table(), "write it anew: hil.tflm.operator_table.operator_table()"


def test_every_operator_of_the_tree_has_its_row(tflm_2024: TflmSource) -> None:
    # The tree's own driver for the Ethos-U is a stub.
    told = {*SIGNATURES, *WITHOUT_TYPES, LSTM, "ethos-u"}
    assert set(tflm_2024.operators) == told


def test_places_on_the_page_are_files(tflm_2024: TflmSource) -> None:
    section = PAGE.read_text().partition("## TFLM 2024")[2].partition("## TFLM 2020")[0]
    places = re.findall(r"`([KRNS])/([\w/]+\.(?:cpp|c|h))`", section)
    assert len(places) > 20
    for folder, name in places:
        assert (tflm_2024.root / FOLDERS[folder] / name).is_file(), name


def test_places_of_findings_are_files(tflm_2024: TflmSource) -> None:
    cases = [*WEIGHTED, *SHAPED, *RECURRENT, *TYPED]
    found = {f.place for case in cases for f in findings(case.model, case.kernels) if f.place}
    assert len(found) > 10
    for place in found:
        folder, _, rest = place.partition("/")
        names = re.findall(r"[\w/]+\.(?:cpp|c|h)\b", rest)
        assert names, place
        assert any((tflm_2024.root / FOLDERS[folder] / name).is_file() for name in names), place
