"""State that must survive where execution leaves a stretch of code early."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.programs import ProgramBoard, compile_program

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated]

RAM_END = 0x20050000
ROUND_TOWARDS_ZERO = 3 << 22
EQUAL = 6 << 28
FOUR = 0x40800000  # 4.0


@pytest.fixture(scope="module", params=[False, True], ids=["strict", "lenient"])
def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[int]]:
    elf = compile_program("left_early", tmp_path_factory.mktemp("left_early"))
    program = ProgramBoard(elf, lenient=request.param)
    yield program.run()
    program.close()


def test_the_program_ends_by_itself(results: list[int]) -> None:
    assert results[31] == 0


@pytest.mark.parametrize(
    ("index", "instruction"),
    [(0, "LDM with its base"), (1, "LDRD with its base"), (2, "LDRD, base second"), (3, "STMDB")],
)
def test_an_instruction_that_faults_leaves_its_base_alone(
    results: list[int], index: int, instruction: str
) -> None:
    assert results[index] == 0, instruction


def test_a_fault_names_the_first_address_that_failed(results: list[int]) -> None:
    assert results[4] == RAM_END


def test_an_exception_clears_the_exclusive_monitor(results: list[int]) -> None:
    assert results[5] == 0
    assert results[6:9] == [1, 1, 1]


def test_exceptions_restore_the_flags_of_bytes(results: list[int]) -> None:
    assert results[9] == 0x00FF00FF


def test_exceptions_restore_the_state_of_the_fpu(results: list[int]) -> None:
    assert results[10] == ROUND_TOWARDS_ZERO | EQUAL
    assert results[11:15] == [FOUR] * 4


def test_interrupts_are_taken_within_it_blocks(results: list[int]) -> None:
    assert results[15] == 6000
    assert results[16] == 1
    assert results[17] == 1


def test_code_that_an_it_block_rewrites_is_executed_as_it_is_now(results: list[int]) -> None:
    assert results[18] == 123456789
