"""Kernels and CMSIS-NN of different times are told before a compiler stumbles over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.tflm.detect import detect_tree
from tests.tflm.stub_trees import BY_NAME, DOWNLOADS, MICRO


def mismatches(root: Path) -> list[str]:
    return [problem.what for problem in detect_tree(root).problems]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return BY_NAME["2025"].write(tmp_path)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_kernels_of_cmsis_5_do_not_fit_cmsis_nn_of_its_own(root: Path) -> None:
    kernel = root / MICRO / "kernels/cmsis_nn/conv.cc"
    edit(kernel, '"Include/', '"CMSIS/NN/Include/')
    assert mismatches(root) == [
        "kernels and CMSIS-NN are of different APIs: conv.cc include "
        '"CMSIS/NN/Include/arm_nnfunctions.h", which is not there'
    ]


def test_a_function_that_is_only_in_a_comment_is_not_declared(root: Path) -> None:
    edit(root / MICRO / "kernels/cmsis_nn/conv.cc", "arm_convolve_wrapper_s8", "arm_removed_s8")
    assert mismatches(root) == [
        "kernels and CMSIS-NN are of different APIs: conv.cc call arm_removed_s8, which CMSIS-NN "
        "does not declare"
    ]


def test_another_number_of_arguments_is_told(root: Path) -> None:
    header = root / DOWNLOADS / "cmsis_nn/Include/arm_nnfunctions.h"
    edit(header, "Shape input,", "Shape input, Shape filter,")
    assert mismatches(root) == [
        "kernels and CMSIS-NN are of different APIs: conv.cc call arm_convolve_wrapper_s8 with 3 "
        "arguments, CMSIS-NN declares it with 4"
    ]


def test_the_remedy_is_a_command_of_the_tree_s_own_project(root: Path) -> None:
    edit(root / MICRO / "kernels/cmsis_nn/conv.cc", "wrapper_s8", "wrapper_s4")
    (problem,) = detect_tree(root).problems
    assert problem.remedy.startswith(f"remove {DOWNLOADS}/cmsis_nn")
    assert "third_party_downloads" in problem.remedy
