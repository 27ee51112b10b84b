"""`hil profile`, `hil arena`, `hil bisect` as users meet them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_cli import DIGITS, hil, refused

pytestmark = [pytest.mark.emulated, pytest.mark.toolchain]


def test_a_profile_adds_up(tmp_path: Path) -> None:
    done = hil("profile", DIGITS, "--json", tmp_path / "p.json")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "p.json").read_text())
    profile = document["profile"]
    assert document["unit"] == "instructions"
    assert document["kind"] == "emulated"
    total = sum(operator["cycles"] for operator in profile["operators"])
    assert total == profile["operator_cycles"]
    assert abs(profile["clean_cycles"] - total) < 0.01 * total
    assert f"sum of operators: {total:,}" in done.stdout
    mixed = [sum(o["counts"].values()) for o in document["mix"]["operators"]]
    for operator, counted in zip(profile["operators"], mixed, strict=True):
        assert 0 < counted - operator["cycles"] < 50  # the wrapper's own
    assert "instructions" in done.stdout
    assert "arm_nn_" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_a_profile_is_sorted_by_cost_or_in_order() -> None:
    def first_column(*arguments: str) -> list[int]:
        rows = hil("profile", DIGITS, *arguments).stdout.split(" type ")[0].splitlines()
        return [int(row.split()[0]) for row in rows if re.match(r"\s*\d+ ", row)]

    in_order = first_column("--in-order")
    assert in_order == sorted(in_order)
    by_cost = first_column()
    assert by_cost != in_order
    assert sorted(by_cost) == in_order


def test_an_arena_that_works_is_printed_to_be_pasted(tmp_path: Path) -> None:
    done = hil("arena", DIGITS, "--json", tmp_path / "a.json")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "a.json").read_text())
    minimum = document["arena"]["minimum_bytes"]
    assert f"alignas(16) static uint8_t tensor_arena[{minimum}];" in done.stdout
    assert document["arena"]["allocations"] <= 20
    image = document["image"]
    for section in ("text", "model", "data", "bss", "stack", "arena_capacity"):
        assert f"{image[f'{section}_bytes']:,}" in done.stdout
    assert ".text (code, constants)" in done.stdout
    assert set(document["owners"]["flash_bytes"]) == {
        "model",
        "kernels",
        "interpreter",
        "harness",
        "library",
    }


def test_a_correct_board_agrees_operator_by_operator(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", x=np.zeros((3, 8, 8, 1), np.float32))
    done = hil("bisect", DIGITS, "--vectors", tmp_path / "v.npz", "--vector", 2)
    assert done.returncode == 0, done.stderr
    assert "vector 2 of v.npz" in done.stdout
    assert re.search(r"all \d+ operators agree", done.stdout)


@pytest.mark.parametrize("command", ["profile", "arena", "bisect"])
def test_a_vector_that_is_not_there_is_an_error(command: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", x=np.zeros((3, 8, 8, 1), np.float32))
    done = hil(command, DIGITS, "--vectors", tmp_path / "v.npz", "--vector", 3)
    refused(done, "there is no vector 3")


@pytest.mark.parametrize("command", ["profile", "arena", "bisect"])
def test_results_that_cannot_be_written_are_refused_before_anything_runs(command: str) -> None:
    refused(hil(command, DIGITS, "--json", "/nowhere/r.json"), "cannot write")
