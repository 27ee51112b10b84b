"""Each rule for the 2024 tree: what happens without it, and that its remedy runs.

The tree's build for this host stands for a board; LiteRT's reference kernels are the judge.
"""

from __future__ import annotations

import faulthandler
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil.firmware.host_build import HostBuilder
from hil.model.flatbuffer import parse_model
from hil.model.rule import Case, Finding
from hil.tflm.rules_2024 import INSTEAD_OF, RULES
from hil.tflm.source import TflmSource
from tests import models
from tests.models import Model, Tensor
from tests.tflm import cases_convolution, cases_shapes, cases_state, cases_types
from tests.tflm.cases_missing import INSTEAD
from tests.tflm.rule_case import CMSIS_NN, REFERENCE, Happens, RuleCase
from tests.tflm.tree_runner import (
    AT_INVOKE,
    DTYPES,
    HALTED,
    REFUSED,
    Result,
    TreeRunner,
    Values,
    build_runner,
)

GROUPS = (cases_convolution, cases_shapes, cases_types, cases_state)
CASES = [case for group in GROUPS for case in group.CASES]
SOUND = {name: model for group in GROUPS for name, model in group.SOUND.items()}
NAMES = [case.name for case in CASES]
DIRTY = 0x5A
LITERT_TIMEOUT_S = 60.0
Runners = Callable[[str], TreeRunner]


def findings(model: Model, kernels: str) -> list[Finding]:
    info = parse_model(models.write(model), "m")
    return [f for o in info.operators for f in RULES.findings(Case(info, o, kernels))]


def vectors(model: Model) -> list[Values]:
    """Three inferences: small values first, then of the whole range."""
    generator = np.random.default_rng(1)
    rows = [[_random(generator, model.tensors[i]) for i in model.inputs] for _ in range(2)]
    return [[array // 16 if array.dtype.kind == "i" else array for array in rows[0]], *rows]


def _random(generator: np.random.Generator, tensor: Tensor) -> Any:
    dtype = np.dtype(DTYPES[tensor.type])
    if dtype.kind == "f":
        return generator.uniform(-2, 2, tensor.shape).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, tensor.shape).astype(dtype)
    if dtype.itemsize > 2:
        return generator.integers(-50, 50, tensor.shape).astype(dtype)
    low = 0 if dtype.kind == "u" else -(1 << 8 * dtype.itemsize - 1)
    return generator.integers(low, low + (1 << 8 * dtype.itemsize), tensor.shape).astype(dtype)


def _ask_litert(content: bytes, rows: Sequence[Values], answers: Any) -> None:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    faulthandler.disable()  # some of these models break LiteRT, too
    try:
        interpreter = Interpreter(
            model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        interpreter.allocate_tensors()
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        found = []
        for row in rows:
            for detail, array in zip(inputs, row, strict=True):
                interpreter.set_tensor(detail["index"], array)
            interpreter.invoke()
            found.append([interpreter.get_tensor(each["index"]).copy() for each in outputs])
            interpreter.reset_all_variables()
        answers.put(found)
    except (RuntimeError, ValueError):
        answers.put(None)


def litert(model: Model, rows: Sequence[Values]) -> list[Values] | None:
    """What LiteRT's reference kernels compute, None when they refuse or break."""
    context = get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_ask_litert, args=(models.write(model), rows, answers))
    child.start()
    child.join(LITERT_TIMEOUT_S)
    if child.is_alive():
        child.kill()
    return answers.get(timeout=LITERT_TIMEOUT_S) if child.exitcode == 0 else None


def equal(some: list[Values], others: list[Values], tolerance: int = 0) -> bool:
    """Floats to the last digits; integers within `tolerance`."""
    pairs = [
        (np.asarray(one, np.float64), np.asarray(other, np.float64), np.asarray(one).dtype.kind)
        for row, other_row in zip(some, others, strict=True)
        for one, other in zip(row, other_row, strict=True)
    ]
    return all(
        np.allclose(one, other, rtol=1e-5, atol=1e-6)
        if kind == "f"
        else bool(np.all(np.abs(one - other) <= tolerance))
        for one, other, kind in pairs
    )


@pytest.fixture(scope="session")
def runners(tflm_2024: TflmSource, tmp_path_factory: pytest.TempPathFactory) -> Runners:
    """A program for each kernel library, made when the first test asks for it."""
    every = [case.model for case in CASES] + [case.fixed for case in CASES if case.fixed]
    every += [model for _, model in INSTEAD.values()]

    @cache
    def runner(kernels: str) -> TreeRunner:
        builder = HostBuilder(tflm_2024, kernels)
        return build_runner(builder, [*every, *SOUND.values()], tmp_path_factory.mktemp(kernels))

    return runner


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_rules_say_so(case: RuleCase) -> None:
    found = findings(case.model, case.kernels)
    matching = [finding for finding in found if case.says in finding.reason]
    assert matching, [finding.reason for finding in found]
    assert case.remedy in matching[0].remedy
    assert len({finding.reason for finding in found}) == len(found)


@pytest.mark.parametrize("case", [c for c in CASES if c.fixed], ids=lambda case: str(case.name))
def test_a_remedy_leaves_nothing_to_say(case: RuleCase) -> None:
    assert case.fixed is not None
    assert findings(case.fixed, case.fixed_kernels) == []


@pytest.mark.parametrize("name", SOUND)
def test_sound_models_pass(name: str) -> None:
    assert findings(SOUND[name], CMSIS_NN) == []
    assert findings(SOUND[name], REFERENCE) == []


def runs_alone(
    runner: TreeRunner, model: Model, rows: Sequence[Values], folder: Path, fill: int = 0
) -> Result:
    """Each inference in a process of its own: no state is left over from the one before."""
    results = [runner.run(model, [row], folder, fill) for row in rows]
    outputs = [row for result in results for row in result.outputs]
    return Result(max((result.code for result in results), key=abs), results[0].text, outputs)


@pytest.mark.toolchain
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_without_the_rule_it_goes_wrong(case: RuleCase, runners: Runners, tmp_path: Path) -> None:
    rows = vectors(case.model)
    result = runs_alone(runners(case.kernels), case.model, rows, tmp_path)
    dirty = runs_alone(runners(case.kernels), case.model, rows, tmp_path, DIRTY)
    judged = litert(case.model, rows)
    match case.happens:
        case Happens.WRONG:
            assert judged is not None
            assert result.code == 0
            assert not equal(result.outputs, judged, 1)
        case Happens.SHARED:
            assert judged is not None and equal(result.outputs, judged)
        case Happens.ACCEPTED:
            assert judged is None
            assert result.code == 0
        case Happens.REFUSED:
            assert result.code == REFUSED
        case Happens.AT_INVOKE:
            assert result.code == AT_INVOKE
        case Happens.HALTS:
            assert result.code == HALTED
        case Happens.CRASHES:
            crashes = min(result.code, dirty.code) < 0
            assert crashes or (judged is not None and not equal(result.outputs, judged))
        case Happens.OVERWRITES:
            pass
        case Happens.UNSET:
            assert dirty.code < 0 or not equal(result.outputs, dirty.outputs)


@pytest.mark.toolchain
@pytest.mark.parametrize("case", [c for c in CASES if c.fixed], ids=lambda case: str(case.name))
def test_the_remedy_runs(case: RuleCase, runners: Runners, tmp_path: Path) -> None:
    assert case.fixed is not None
    rows = vectors(case.fixed)
    judged = litert(case.fixed, rows)
    assert judged is not None
    for fill in (0, DIRTY):
        result = runs_alone(runners(case.fixed_kernels), case.fixed, rows, tmp_path, fill)
        assert result.code == 0, result.text
        assert equal(result.outputs, judged, case.tolerance)


@pytest.mark.toolchain
@pytest.mark.parametrize("kernels", [CMSIS_NN, REFERENCE])
@pytest.mark.parametrize("name", SOUND)
def test_sound_models_are_right(name: str, kernels: str, runners: Runners, tmp_path: Path) -> None:
    rows = vectors(SOUND[name])
    judged = litert(SOUND[name], rows)
    assert judged is not None
    for fill in (0, DIRTY):
        result = runs_alone(runners(kernels), SOUND[name], rows, tmp_path, fill)
        assert result.code == 0, result.text
        assert equal(result.outputs, judged)


def test_every_replacement_has_a_model() -> None:
    assert set(INSTEAD) == set(INSTEAD_OF)


@pytest.mark.toolchain
@pytest.mark.parametrize("name", INSTEAD)
def test_what_replaces_a_missing_operator_computes_the_same(
    name: str, tflm_2024: TflmSource, runners: Runners, tmp_path: Path
) -> None:
    with_it, without = INSTEAD[name]
    rows = vectors(without)
    wanted = litert(with_it, rows)
    assert name not in tflm_2024.operators
    assert wanted is not None
    assert findings(without, CMSIS_NN) == []
    result = runs_alone(runners(CMSIS_NN), without, rows, tmp_path)
    assert result.code == 0, result.text
    assert equal(result.outputs, wanted)
