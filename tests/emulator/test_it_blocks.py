"""IT blocks whose accesses to memory leave the translated code, or fault."""

from __future__ import annotations

import pytest

from tests.emulator.programs import run_program

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated]

FAULTING_OFFSET = 4  # IT, ADD
SECOND_OF_FOUR = 2 << 25  # ITSTATE 0b00000010: condition EQ, the second of four instructions
EXECUTED_BEFORE = 11
ACCESSES = [
    "load from a fresh page",
    "store to a fresh page",
    "load of several words",
    "store of several words",
    "load from flash",
    "first load from a peripheral",
    "second load from a peripheral",
    "first store to a peripheral",
    "second store to a peripheral",
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    return run_program("it_blocks", tmp_path_factory.mktemp("it_blocks"))


@pytest.mark.parametrize(
    ("index", "access"),
    list(enumerate(ACCESSES)),
)
def test_the_code_after_an_it_block_is_unconditional(
    results: list[int], index: int, access: str
) -> None:
    assert results[index] == 7, access
    assert results[9] == 5  # what the last store wrote


@pytest.mark.parametrize(
    ("first", "access"),
    [
        (10, "load from nowhere"),
        (14, "store to nowhere"),
        (18, "second store to nowhere"),
        (22, "unaligned LDRD"),
        (26, "division by zero"),
    ],
)
def test_a_fault_in_an_it_block_is_precise(results: list[int], first: int, access: str) -> None:
    assert results[first : first + 4] == [FAULTING_OFFSET, SECOND_OF_FOUR, EXECUTED_BEFORE, 0], (
        access
    )
