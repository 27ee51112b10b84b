from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hil.errors import BuildError
from hil.instruction_mix import code as code_module
from hil.instruction_mix.code import Function, demangle, read_code
from tests.emulator.programs import compile_program

pytestmark = pytest.mark.toolchain

MANGLED, READABLE = "_ZN6tflite4EvalEPvi", "tflite::Eval(void*, int)"


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_program("tracing", tmp_path_factory.mktemp("tracing"))


def test_functions_are_found_by_name_and_by_address(elf: Path) -> None:
    code = read_code(elf)
    (leaf,) = code.addresses_of(["leaf"])
    assert leaf % 2 == 0
    function = Function(leaf, leaf + 10, "leaf")
    assert code.function_at(leaf) == code.function_at(leaf + 8) == function
    assert code.function_at(leaf + 10) != function
    assert code.function_at(0x08000000) is None  # the vector table
    assert code.function_at(0x30000000) is None


def test_code_is_what_lies_in_flash(elf: Path) -> None:
    code = read_code(elf)
    (begin,) = code.addresses_of(["hil_operator_begin"])
    assert code.bytes_at(begin, 2) == b"\x70\x47"  # BX LR
    assert code.bytes_at(0x20000000, 2) is None
    assert code.bytes_at(0x07FFFFFE, 4) is None


def test_a_function_that_is_not_there_is_named(elf: Path) -> None:
    with pytest.raises(BuildError, match="no function nowhere, nobody") as caught:
        read_code(elf).addresses_of(["leaf", "nowhere", "nobody"])
    assert "hil build" in caught.value.hint


def test_assembly_without_a_size_reaches_to_the_next_function(tmp_path: Path) -> None:
    (tmp_path / "code.s").write_text(
        ".syntax unified\n.thumb\n"
        ".global first, alias, second\n"
        ".type first, %function\n.type alias, %function\n.type second, %function\n"
        "first:\nalias:\n nop\n nop\nsecond:\n nop\n"
    )
    command = ["arm-none-eabi-gcc", "-nostdlib", "-mcpu=cortex-m7", "code.s", "-o", "code.elf"]
    subprocess.run([*command, "-Wl,-Ttext=0x8000000,-e0"], cwd=tmp_path, check=True)
    code = read_code(tmp_path / "code.elf")
    assert code.functions[0] == Function(0x08000000, 0x08000004, "alias")
    assert code.addresses["first"] == code.addresses["alias"] == 0x08000000
    assert code.functions[1] == Function(0x08000004, 0x08000004, "second")


def test_what_is_no_elf_file_or_has_no_symbols_is_refused(elf: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"no ELF")
    with pytest.raises(BuildError, match="no ELF file"):
        read_code(other)
    subprocess.run(["arm-none-eabi-strip", elf, "-o", other], check=True)
    with pytest.raises(BuildError, match="no symbols"):
        read_code(other)


def test_names_are_those_people_write() -> None:
    assert demangle([MANGLED, "main"]) == [READABLE, "main"]


@pytest.mark.parametrize("program", ["no-such-demangler", "false", "true"])
def test_without_a_demangler_names_stay(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_module, "DEMANGLERS", (program,))
    assert demangle([MANGLED, "main"]) == [MANGLED, "main"]
