"""Random programs full of IT blocks: the emulated board against a model of our own."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from tests.emulator.thumb.bench import Bench
from tests.emulator.thumb.generator import Generator
from tests.emulator.thumb.program import Program

CI_SEED, CI_PROGRAMS = "1", 300
SWEEP_PROGRAMS = 20_000
ALWAYS = 14


def program_of(seed: str, index: int) -> tuple[Program, Random]:
    random = Random(f"{seed}/{index}")
    return Generator(random).program(), random


def compare_programs(seed: str, count: int) -> tuple[int, int, int]:
    """Instructions, faults and calls in IT blocks of programs 0 to `count` - 1."""
    print(f"seed {seed}, {count} programs")
    bench = Bench()
    instructions = faults = calls = 0
    try:
        for index in range(count):
            program, choices = program_of(seed, index)
            try:
                tally = bench.compare(program, choices)
            except Exception as difference:
                pytest.fail(f"seed {seed}, program {index}\n{program}\n{difference}")
            instructions += tally.instructions
            faults += tally.faults_in_it
            calls += tally.calls_in_it
    finally:
        bench.close()
    print(f"{instructions} instructions, {faults} faults and {calls} calls in IT blocks")
    return instructions, faults, calls


@pytest.mark.emulated
def test_the_board_executes_programs_as_the_manual_says() -> None:
    instructions, faults, calls = compare_programs(CI_SEED, CI_PROGRAMS)
    assert instructions > 30 * CI_PROGRAMS
    assert faults > CI_PROGRAMS / 2
    assert calls > CI_PROGRAMS / 20


@pytest.mark.emulated
@pytest.mark.sweep
def test_many_random_programs() -> None:
    seed = os.environ.get("HIL_SWEEP_SEED") or str(int(time.time()))
    compare_programs(seed, int(os.environ.get("HIL_SWEEP_PROGRAMS", SWEEP_PROGRAMS)))


@pytest.mark.toolchain
def test_what_a_program_is_written_as_is_what_it_is_encoded_as(tmp_path: Path) -> None:
    programs = [program_of(CI_SEED, index)[0] for index in range(CI_PROGRAMS)]
    # GNU as takes no IT block whose condition is AL.
    lines = [
        (instruction.written(condition), instruction.encoding)
        for program in programs
        for instruction, condition in program.lines
        if condition != ALWAYS and not instruction.text.endswith(" al")
    ]
    source, assembled, binary = (tmp_path / f"programs.{suffix}" for suffix in ("s", "o", "bin"))
    text = "\n".join(line for line, _ in lines)
    source.write_text(f".syntax unified\n.thumb\n{text}\n")
    flags = ["-mcpu=cortex-m7", "-mfpu=fpv5-sp-d16"]
    subprocess.run(["arm-none-eabi-as", *flags, source, "-o", assembled], check=True)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", assembled, binary], check=True)
    code = binary.read_bytes()
    at = 0
    for line, encoding in lines:
        assert code[at : at + len(encoding)] == encoding, line
        at += len(encoding)
