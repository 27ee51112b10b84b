from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from hil.bench.emulated import EmulatedBoard
from hil.device import start_device
from hil.emulator.trace import BlockCount, BlockTrace, unpack_trace
from hil.errors import BenchError, BuildError
from hil.firmware.image import Image
from hil.instruction_mix.code import ImageCode, read_code
from hil.instruction_mix.mix import (
    NO_FUNCTION,
    OPERATOR_MARKS,
    InstructionMix,
    Mix,
    StretchMix,
    instruction_mix,
    segment_mixes,
)
from hil.target import Target
from hil.vocab import InstructionClass
from tests.emulator.programs import RUN_TIMEOUT_S, ProgramBoard, compile_program

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated]

# What calls an operator: BX of the begin mark, BL to the operator, BL to the end mark.
CALL = 3
INVOKE = "_ZN6tflite16MicroInterpreter6InvokeEv"


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> ImageCode:
    return read_code(compile_program("tracing", tmp_path_factory.mktemp("tracing")))


@pytest.fixture(scope="module", params=[False, True], ids=["strict", "lenient"])
def trace(
    code: ImageCode, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BlockTrace]:
    """Of the program in firmware/tracing.c, which says how often it executes what."""
    elf = compile_program("tracing", tmp_path_factory.mktemp("tracing"))
    program = ProgramBoard(elf, lenient=request.param)
    program.board.reset(hold=True)
    program.board.start_trace(code.addresses_of(OPERATOR_MARKS))
    program.board.resume()
    assert program.board.wait_halted(RUN_TIMEOUT_S)
    yield unpack_trace(program.board.stop_trace())
    program.close()


@pytest.fixture
def mix(trace: BlockTrace, code: ImageCode) -> InstructionMix:
    return instruction_mix(trace, code)


def counts_of(stretch: StretchMix) -> dict[str, int]:
    return {kind.value: n for kind, n in stretch.mix.counts.items() if n}


def functions_of(stretch: StretchMix) -> dict[str, int]:
    return {function.name: function.mix.total for function in stretch.functions}


def test_the_mix_of_each_operator_is_that_of_its_assembly(mix: InstructionMix) -> None:
    integer, conditional, floating, calling, failing, outer, inner = mix.operators
    # PUSH is a store, MOVS another, POP {PC} a branch.
    assert counts_of(integer) == {
        "load": 100,
        "store": 100 + 1,
        "multiply": 300,
        "divide": 100,
        "branch": 100 + 1 + CALL,
        "other": 100 + 1,
    }
    # The MOVNE that is skipped counts.
    assert counts_of(conditional) == {"branch": 100 + 1 + CALL, "other": 600 + 1}
    assert counts_of(floating) == {
        "load": 100,
        "store": 100,
        "fp": 400,
        "branch": 100 + 1 + CALL,
        "other": 100 + 2,
    }
    assert counts_of(calling) == {
        "load": 200,
        "store": 1,
        "branch": 300 + 1 + CALL,
        "other": 100 + 2,
    }
    # The load from nowhere was not executed; its handler's instructions were.
    assert counts_of(failing) == {"load": 1, "store": 1, "branch": 3 + CALL, "other": 4 + 1}
    # BL to the marks of the inner operator, and its last BX: what is left without it.
    assert counts_of(outer) == {"branch": 4}
    assert counts_of(inner) == counts_of(conditional)


def test_the_mix_of_each_function_is_its_own(mix: InstructionMix) -> None:
    calling, failing = mix.operators[3:5]
    around = {"run_operators": 2, "hil_operator_begin": 1}
    assert functions_of(calling) == {"calling_operator": 304, "leaf": 300, **around}
    assert functions_of(failing) == {
        "failing_operator": 5,
        "bus_fault_handler": 4,
        "svc_handler": 1,
        **around,
    }
    assert [function.name for function in calling.functions[:2]] == ["calling_operator", "leaf"]
    leaf = calling.functions[1]
    assert leaf.mix.counts[InstructionClass.LOAD] == 200
    assert leaf.share == 300 / calling.mix.total
    assert leaf.mix.share(InstructionClass.LOAD) == pytest.approx(2 / 3)


def test_parts_add_up_to_what_the_board_counted(mix: InstructionMix, trace: BlockTrace) -> None:
    assert mix.total == trace.instructions
    assert mix.inside.mix.total == sum(operator.mix.total for operator in mix.operators)
    for stretch in (*mix.operators, mix.inside, mix.outside):
        assert sum(functions_of(stretch).values()) == stretch.mix.total
        assert sum(function.share for function in stretch.functions) == pytest.approx(1)
    assert "hil_operator_end" in functions_of(mix.outside)
    assert functions_of(mix.inside)["conditional_operator"] == 2 * 702


def test_segments_are_the_same_parts_unsorted(
    mix: InstructionMix, trace: BlockTrace, code: ImageCode
) -> None:
    segments = segment_mixes(trace, code)
    assert len(segments) == len(trace.marks)
    assert segments[1] == mix.operators[0]
    assert sum(segment.mix.total for segment in segments) == trace.instructions


def test_code_outside_the_image_is_unknown(code: ImageCode) -> None:
    in_ram = BlockCount(0x20000100, 8, 0, 3, 5)
    (segment,) = segment_mixes(BlockTrace(15, (None,), (in_ram,)), code)
    assert counts_of(segment) == {"unknown": 15}
    assert functions_of(segment) == {NO_FUNCTION: 15}
    assert segment.functions[0].address is None


def test_the_trace_of_another_image_is_refused(trace: BlockTrace, code: ImageCode) -> None:
    first, *rest = trace.blocks
    changed = replace(first, instructions=first.instructions + 1)
    with pytest.raises(BenchError, match="the image has") as caught:
        segment_mixes(replace(trace, blocks=(changed, *rest)), code)
    assert "same build" in caught.value.hint


def test_a_trace_that_begins_within_an_operator_has_that_outside(code: ImageCode) -> None:
    begin, end = code.addresses_of(OPERATOR_MARKS)
    blocks = tuple(BlockCount(begin, 2, segment, 1, 1) for segment in range(4))
    mix = instruction_mix(BlockTrace(4, (None, end, begin, end), blocks), code)
    assert len(mix.operators) == 1
    assert mix.outside.mix.total == 3


def test_marks_that_the_compiler_merged_are_refused(trace: BlockTrace, code: ImageCode) -> None:
    merged = replace(code, addresses=dict.fromkeys(OPERATOR_MARKS, 0x08000100))
    with pytest.raises(BuildError, match="merged them"):
        instruction_mix(trace, merged)


def test_nothing_has_no_share() -> None:
    assert Mix(dict.fromkeys(InstructionClass, 0)).share(InstructionClass.LOAD) == 0


def test_an_inference_is_traced_on_the_board_it_runs_on(
    board: EmulatedBoard, dense_image: Image, target: Target
) -> None:
    code = read_code(dense_image.path)
    device = start_device(board, dense_image, target)
    x = [bytes(16)]
    cycles = device.infer(x, 10).cycles
    for _ in range(2):
        with board.instruction_trace(code.addresses_of([INVOKE])) as tracing:
            traced = device.infer(x, 10)
        assert traced.cycles == cycles
        _, after_invoke = segment_mixes(tracing.result, code)
        kernel = max(after_invoke.functions, key=lambda f: f.mix.counts[InstructionClass.FP])
        # 3 x 4 weights, each with its input, are multiplied and added.
        assert kernel.mix.counts[InstructionClass.FP] >= 12
        assert after_invoke.mix.counts[InstructionClass.UNKNOWN] == 0
    assert device.infer(x, 10).cycles == cycles
    device.close()
