"""Our reference kernels of generation 2024 compute what LiteRT's and the wheel's compute.

One program that holds them all runs every model: `run_model.cc`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from hil.bench.emulated import EmulatedBoard
from hil.device import outputs_as_arrays, start_device
from hil.firmware.build import Builder
from hil.firmware.host_build import COMPILER, HostBuilder
from hil.model.flatbuffer import parse_model
from hil.reference.reference import ChildReference, ReferenceName, has_tflm_wheel
from hil.target import Target
from hil.tflm.kernels import REFERENCE
from hil.tflm.locate import locate_tflm
from tests.models import Model, Operator, Tensor, write
from tests.tflm.operator_models import OperatorModel, combined
from tests.tflm.reference_cases import REFUSALS, Case, Refusal, cases

pytestmark = pytest.mark.toolchain

CASES = cases()
SOURCE = Path(__file__).with_name("run_model.cc")
OPERATORS = (
    "ADD",
    "AVERAGE_POOL_2D",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MAX_POOL_2D",
    "MUL",
    "SOFTMAX",
    "SVDF",
    "TRANSPOSE_CONV",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
)
COMPILE_TIMEOUT_S, RUN_TIMEOUT_S = 300.0, 60.0
INFER_TIMEOUT_S = 60.0
REFUSED = 3
# Float sums of a few dozen terms, in another order or with another tanh.
FLOAT_TOLERANCE = 2e-6

Array = npt.NDArray[Any]


class Program:
    """TFLM with the reference kernels, started anew for each model."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder

    def start(self, model: OperatorModel, types: str = "all") -> subprocess.CompletedProcess[str]:
        steps = range(len(model.inputs[0]))
        fed = b"".join(array[i].tobytes() for i in steps for array in model.inputs)
        (self.folder / "model").write_bytes(model.model)
        (self.folder / "inputs").write_bytes(fed)
        names = [str(self.folder / name) for name in ("model", "inputs", "outputs")]
        return subprocess.run(
            [self.path, *names, types],
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
        )

    def outputs(self, model: OperatorModel, like: Array, types: str = "all") -> Array:
        """The outputs of all steps, in the type and shape of `like`."""
        done = self.start(model, types)
        assert done.returncode == 0, done.stderr
        content = (self.folder / "outputs").read_bytes()
        return np.frombuffer(content, like.dtype).reshape(like.shape)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    tensor = Tensor("FLOAT32", (1, 1, 1, 1))
    operators = [Operator(name, (0,), (0,)) for name in OPERATORS]
    needed = parse_model(write(Model([tensor], operators, (0,), (0,))), "needed")
    tflm = locate_tflm("2024")
    builder = HostBuilder(tflm, REFERENCE)
    generation, folder = tflm.generation, tmp_path_factory.mktemp("program")
    done = subprocess.run(
        [
            COMPILER,
            f"-std=c++{generation.standard}",
            *("-O0", "-w", "-DNDEBUG", *(f"-D{name}" for name in generation.defines)),
            *(f"-I{tflm.root / name}" for name in generation.include_dirs),
            *(SOURCE, *builder.objects(needed)),
            *("-o", folder / "run_model"),
        ],
        capture_output=True,
        text=True,
        timeout=COMPILE_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return Program(folder / "run_model", folder)


def _reference(name: ReferenceName) -> Iterator[ChildReference]:
    reference = ChildReference(name)
    yield reference
    reference.close()


@pytest.fixture(scope="module")
def litert() -> Iterator[ChildReference]:
    yield from _reference(ReferenceName.LITERT_REF)


@pytest.fixture(scope="module")
def wheel() -> Iterator[ChildReference]:
    if not has_tflm_wheel():
        pytest.skip("the tflite-micro wheel is not installed")
    yield from _reference(ReferenceName.TFLM)


def expected(reference: ChildReference, name: str, model: OperatorModel) -> Array:
    outputs = reference.run(parse_model(model.model, name), model.inputs).outputs
    assert len(outputs) == 1
    return np.asarray(outputs[0])


def check_near(found: Array, wanted: Array, lsb: int) -> None:
    """Integers within `lsb`, floats within rounding."""
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, wanted, rtol=FLOAT_TOLERANCE, atol=FLOAT_TOLERANCE)
    else:
        np.testing.assert_allclose(
            found.astype(np.int64), wanted.astype(np.int64), rtol=0, atol=lsb
        )


def selected(condition: str) -> list[Any]:
    chosen = {
        "litert": [name for name, case in CASES.items() if case.litert_lsb is not None],
        "wheel": [name for name, case in CASES.items() if case.has_wheel],
        "typed": [name for name, case in CASES.items() if case.types],
    }[condition]
    return [pytest.param(CASES[name], id=name) for name in chosen]


@pytest.mark.parametrize("case", selected("litert"))
def test_outputs_are_those_of_litert(
    case: Case, program: Program, litert: ChildReference, request: pytest.FixtureRequest
) -> None:
    model = case.settings.make(request.node.callspec.id)
    wanted = expected(litert, model.name, model)
    assert case.litert_lsb is not None
    check_near(program.outputs(model, wanted), wanted, case.litert_lsb)


@pytest.mark.parametrize("case", selected("wheel"))
def test_outputs_are_those_of_the_wheel(
    case: Case, program: Program, wheel: ChildReference, request: pytest.FixtureRequest
) -> None:
    model = case.settings.make(request.node.callspec.id)
    wanted = expected(wheel, model.name, model)
    check_near(program.outputs(model, wanted), wanted, lsb=0)


@pytest.mark.parametrize("case", selected("typed"))
def test_a_registration_of_one_type_computes_the_same(
    case: Case, program: Program, request: pytest.FixtureRequest
) -> None:
    model = case.settings.make(request.node.callspec.id)
    done = program.start(model)
    assert done.returncode == 0, done.stderr
    whole = (program.folder / "outputs").read_bytes()
    assert program.start(model, case.types).returncode == 0
    assert (program.folder / "outputs").read_bytes() == whole


def test_a_registration_of_one_type_refuses_another(program: Program) -> None:
    for name in OPERATORS:
        model = CASES[next(each for each in CASES if each.startswith(f"{name} float32"))]
        done = program.start(model.settings.make(name), "int8")
        assert done.returncode == REFUSED, name
        assert f"{name}: no arithmetic for" in done.stderr


@pytest.mark.parametrize("refusal", [pytest.param(r, id=name) for name, r in REFUSALS.items()])
def test_what_has_no_arithmetic_is_refused_in_prepare(
    refusal: Refusal, program: Program, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    model = refusal.settings.make(name)
    refusal.change(model.source)
    done = program.start(model)
    assert done.returncode == REFUSED, (done.returncode, done.stderr)
    assert refusal.message in done.stderr
    assert name.split()[0] in done.stderr


@pytest.mark.emulated
@pytest.mark.parametrize("types", ["float32", "int8", "int4", "int16"])
def test_the_board_computes_what_the_host_computes(
    types: str, program: Program, board: EmulatedBoard, target: Target
) -> None:
    models = [
        case.settings.make(name)
        for name, case in CASES.items()
        if name.split()[1].rstrip(",") == types
    ]
    steps = 3
    whole = combined(models, steps)
    model = parse_model(whole.model, types)
    image = Builder(target, locate_tflm("2024"), REFERENCE).build(model)
    device = start_device(board, image, target)
    rows = [
        device.infer([array[i].tobytes() for array in whole.inputs], INFER_TIMEOUT_S).outputs
        for i in range(steps)
    ]
    device.close()
    for each, found in zip(models, outputs_as_arrays(model, rows), strict=True):
        fed = replace(each, inputs=[array[:steps] for array in each.inputs])
        wanted = program.outputs(fed, like=found)
        check_near(found, wanted, lsb=0)


def test_every_operator_is_covered_with_every_type_it_takes() -> None:
    covered = {name.split()[0] for name in CASES}
    assert covered == set(OPERATORS)
    for operator in OPERATORS:
        names = [name for name in CASES if name.startswith(f"{operator} ")]
        assert {"float32", "int8"} <= {name.split()[1].rstrip(",") for name in names}
