"""The first diverging operator: seeded faults are named, and a correct build never gets a name."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from elftools.elf.elffile import ELFFile

from hil import explain
from hil.bench.emulated import EmulatedBoard
from hil.bisect import Divergence, describe, first_divergence
from hil.data import Vectors
from hil.device import Device, start_device
from hil.emulator.connection import Connection
from hil.emulator.protocol import Op, ReplyStatus
from hil.errors import BuildError
from hil.explain import Difference, explain_difference
from hil.firmware.build import Builder
from hil.firmware.host_build import HostBuilder
from hil.firmware.image import Image
from hil.link.messages import Trace
from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo
from hil.reference.tree import start_tree
from hil.suite_data import SuiteData
from hil.target import Target
from hil.tflm.kernels import REFERENCE
from hil.tflm.source import TflmSource
from tests.conftest import SUITES
from tests.faulty_tree import FAULTS, KERNELS, SYMBOL, Fault, make_faulty_tree

pytestmark = [pytest.mark.emulated, pytest.mark.toolchain]

TIMEOUT_S = 10.0
VECTORS = 40


@dataclass
class Bench:
    """A device, the host's build of the right tree beside it, and the fault switch."""

    model: ModelInfo
    vectors: Vectors
    device: Device
    host: Device
    board: EmulatedBoard
    switch: int | None

    def set_fault(self, number: int) -> None:
        assert self.switch is not None
        connection = Connection(self.board.process.record)
        status, _ = connection.request(Op.WRITE, self.switch, 4, struct.pack("<i", number))
        connection.close()
        assert status is ReplyStatus.OK

    def diverges_at(self, index: int) -> Divergence | None:
        return first_divergence(self.device, self.host, self.model, self.vectors, index, TIMEOUT_S)


def symbol_address(image: Image, name: str) -> int:
    with image.path.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name(name)
        return int(symbols[0]["st_value"])


def bench_of(
    suite: str, name: str, source: TflmSource, right: TflmSource, target: Target
) -> Iterator[Bench]:
    model = read_model(SUITES / suite / "models" / f"{name}.tflite")
    vectors = SuiteData(SUITES / suite / "data.py", "test_data").vectors(model)
    kernels = REFERENCE if source is right else KERNELS
    image = Builder(target, source, kernels).build(model)
    board = EmulatedBoard(target)
    device = start_device(board, image, target)
    host = start_tree(HostBuilder(right), model)
    switch = symbol_address(image, SYMBOL) if source is not right else None
    bench = Bench(model, vectors, device, host, board, switch)
    if switch is not None:
        bench.set_fault(0)
    yield bench
    host.close()
    device.close()
    board.close()


@pytest.fixture(scope="module")
def faulty_tree(tflm_2020: TflmSource, tmp_path_factory: pytest.TempPathFactory) -> TflmSource:
    return make_faulty_tree(tflm_2020, tmp_path_factory.mktemp("faulty"))


@pytest.fixture(scope="module")
def faulty(faulty_tree: TflmSource, tflm_2020: TflmSource, target: Target) -> Iterator[Bench]:
    yield from bench_of("har", "har_int8", faulty_tree, tflm_2020, target)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f.operator}-{f.kind}")
def test_a_seeded_fault_is_named(faulty: Bench, fault: Fault) -> None:
    faulty.set_fault(fault.number)
    try:
        found = (faulty.diverges_at(index) for index in range(VECTORS))
        divergence = next((d for d in found if d is not None), None)
    finally:
        faulty.set_fault(0)
    assert divergence is not None, "the fault shows on no vector"
    assert divergence.name == fault.operator
    assert divergence.inputs_equal
    assert 0 < divergence.differing_elements <= divergence.elements
    if fault.kind == "channel off" and fault.operator != "SOFTMAX":
        assert divergence.channels == (1,)
    assert f"{fault.operator}: " in describe(divergence, faulty.model)


def test_no_fault_no_name(faulty: Bench) -> None:
    assert all(faulty.diverges_at(index) is None for index in range(VECTORS))


@pytest.mark.parametrize("name", ["har_int8", "har_float32"])
def test_a_correct_build_never_gets_a_name(
    name: str, tflm_2020: TflmSource, target: Target
) -> None:
    for bench in bench_of("har", name, tflm_2020, tflm_2020, target):
        assert all(bench.diverges_at(index) is None for index in range(VECTORS))


def test_it_takes_two_inferences_and_one_tensor(
    faulty: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces: list[Trace] = []
    watch = faulty.device.client.watch

    def counted(message: object, *arguments: object, **options: object) -> object:
        if isinstance(message, Trace):
            traces.append(message)
        return watch(message, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(faulty.device.client, "watch", counted)
    faulty.set_fault(FAULTS[1].number)
    try:
        assert faulty.diverges_at(0) is not None
    finally:
        faulty.set_fault(0)
    assert len(traces) == 2
    assert traces[1].first == traces[1].last == 0


class TestExplaining:
    """What a failed comparison says, against host programs of the right tree."""

    @pytest.fixture
    def vectors(self, har: ModelInfo) -> Vectors:
        return SuiteData(SUITES / "har" / "data.py", "test_data").vectors(har)

    @pytest.fixture
    def har(self) -> ModelInfo:
        return read_model(SUITES / "har" / "models" / "har_int8.tflite")

    def test_a_wrong_kernel_is_named(
        self,
        faulty_tree: TflmSource,
        tflm_2020: TflmSource,
        board: EmulatedBoard,
        target: Target,
        har: ModelInfo,
        vectors: Vectors,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(HostBuilder, "beside", lambda _: HostBuilder(tflm_2020))
        builder = Builder(target, faulty_tree, KERNELS)
        difference = Difference(5, (b"",), is_own_tree=False)
        image = builder.build(har)
        said = explain_difference(builder, image, board, har, vectors, difference)
        assert f"operator 0 of {len(har.operators)}, CONV_2D" in said
        assert "vector 5 against the TFLM tree on this host" in said
        assert "kernel or compiler" in said

    @pytest.mark.parametrize(
        ("is_now_as_it_was", "is_own_tree", "words"),
        [
            (True, False, "the reference is another TFLM"),
            (True, True, "the host gives other outputs now"),
            (False, False, "the board gives other outputs now than when it was measured"),
        ],
    )
    def test_without_an_operator_it_says_what_is_known(
        self,
        is_now_as_it_was: bool,
        is_own_tree: bool,
        words: str,
        builder: Builder,
        board: EmulatedBoard,
        target: Target,
        har: ModelInfo,
        vectors: Vectors,
    ) -> None:
        image = builder.build(har)
        device = start_device(board, image, target)
        outputs = device.infer(vectors.input_bytes(5), TIMEOUT_S).outputs
        device.close()
        measured = outputs if is_now_as_it_was else (b"other",)
        difference = Difference(5, measured, is_own_tree=is_own_tree)
        assert words in explain_difference(builder, image, board, har, vectors, difference)

    def test_an_optimized_kernel_that_is_wrong_everywhere_is_named_against_the_reference_kernels(
        self,
        faulty_tree: TflmSource,
        board: EmulatedBoard,
        target: Target,
        har: ModelInfo,
        vectors: Vectors,
    ) -> None:
        builder = Builder(target, faulty_tree, KERNELS)
        image = builder.build(har)
        device = start_device(board, image, target)
        outputs = device.infer(vectors.input_bytes(5), TIMEOUT_S).outputs
        device.close()
        difference = Difference(5, outputs, is_own_tree=False)
        said = explain_difference(builder, image, board, har, vectors, difference).splitlines()
        assert "portable_optimized kernels): all operators agree bit for bit" in said[0]
        assert "reference kernels): first to differ: operator 0 of 12, CONV_2D" in said[1]

    def test_what_keeps_it_from_finding_out_is_told(
        self,
        builder: Builder,
        board: EmulatedBoard,
        har: ModelInfo,
        vectors: Vectors,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def fail(*_: object) -> None:
            raise BuildError("no compiler")

        image = builder.build(har)
        monkeypatch.setattr(explain, "start_tree", fail)
        difference = Difference(0, (b"",), is_own_tree=False)
        said = explain_difference(builder, image, board, har, vectors, difference)
        assert said.endswith("no operator could be named: no compiler")
