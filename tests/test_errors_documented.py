"""docs/errors.md: every row names a test that exists."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

ROWS = re.findall(r"^\|.*\| `(tests/\S+)::(\w+)` \|$", (ROOT / "docs/errors.md").read_text(), re.M)


def test_every_row_has_a_test() -> None:
    text = (ROOT / "docs/errors.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    headings = 2 * text.count("| what is wrong |")
    assert len(rows) - headings == len(ROWS) > 50


@pytest.mark.parametrize(("file", "name"), ROWS, ids=[name for _, name in ROWS])
def test_the_test_of_a_row_exists(file: str, name: str) -> None:
    assert re.search(rf"^ *def {name}\(", (ROOT / file).read_text(), re.M)
