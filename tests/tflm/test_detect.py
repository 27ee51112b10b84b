"""Trees of all times since 2021 are recognised by their files and declarations."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.tflm.detect import MARKS_2024, detect_tree
from hil.tflm.generation_2020 import GENERATION_2020
from hil.tflm.generation_2020 import MARK as MARK_2020
from hil.tflm.generation_2024 import GENERATION_2024
from hil.tflm.kernels import CMSIS_NN, REFERENCE
from hil.tflm.locate import locate_tflm
from hil.tflm.marks import MAKEFILE, Layout
from hil.tflm.source import TflmSource
from tests.tflm.harness_syntax import complaints
from tests.tflm.stub_trees import BY_NAME, DOWNLOADS, MICRO, STUB_TREES, StubTree

each_tree = pytest.mark.parametrize("tree", STUB_TREES, ids=lambda tree: tree.name)


@each_tree
def test_the_marks_are_those_of_the_tree(tree: StubTree, tmp_path: Path) -> None:
    marks = detect_tree(tree.write(tmp_path)).marks
    assert marks is not None
    assert marks.layout is (Layout.CHECKOUT if tree.is_checkout else Layout.GENERATED)
    assert marks.suffix == tree.suffix
    assert marks.registration == tree.registration
    assert marks.log_takes_format == ("va_list" in tree.log)
    assert marks.vsnprintf == tree.vsnprintf
    assert marks.takes_reporter == (tree.reporter != "none")
    assert marks.allocator == tree.allocator
    assert marks.has_signal == tree.has_signal
    assert marks.schema.startswith("tensorflow/compiler") == tree.schema_in_compiler
    assert marks.dense_per_channel == tree.dense_per_channel


@each_tree
def test_both_kernel_libraries_are_found_and_nothing_is_missing(
    tree: StubTree, tmp_path: Path
) -> None:
    found = detect_tree(tree.write(tmp_path))
    assert found.problems == ()
    assert [each.name for each in found.generation.libraries] == [CMSIS_NN, REFERENCE]


@each_tree
def test_only_files_for_a_device_are_compiled(tree: StubTree, tmp_path: Path) -> None:
    found = detect_tree(tree.write(tmp_path))
    source = TflmSource(found.root, "stub", found.generation)
    for library in source.libraries:
        files = source.all_sources(library)
        assert not [path for path in files if "#error" in path.read_text()]
        conv = [path for path in files if path.stem == "conv"]
        assert [path.parent.name for path in conv] == [library.folder or "kernels"]
        has_profiler = any(path.stem == "micro_profiler" for path in files)
        assert has_profiler == (not tree.has_interface)  # the interpreter then calls it
        names = {path.name for path in files}
        common = "common.c" if tree.reporter == "required" else f"common{tree.suffix}"
        assert {common, f"schema_utils{tree.suffix}"} <= names
        assert ("arm_convolve_wrapper_s8.c" in names) == (library.name == CMSIS_NN)
        assert sum(path.stem == "window" for path in files) == 2 * tree.has_signal


@each_tree
def test_its_operators_are_read_from_its_resolver(tree: StubTree, tmp_path: Path) -> None:
    found = detect_tree(tree.write(tmp_path))
    operators = TflmSource(found.root, "stub", found.generation).operators
    assert {name: each.method for name, each in operators.items()} == {
        "CONV_2D": "AddConv2D",
        "FULLY_CONNECTED": "AddFullyConnected",
    }


@pytest.mark.toolchain
@each_tree
def test_the_harness_compiles_against_its_headers(tree: StubTree, tmp_path: Path) -> None:
    found = detect_tree(tree.write(tmp_path / "tree"))
    assert complaints(found.root, found.generation, tmp_path) == ""


@pytest.mark.toolchain
def test_a_wrong_form_of_debug_log_does_not_compile(tmp_path: Path) -> None:
    """It would link: the symbol is the same."""
    found = detect_tree(BY_NAME["2021"].write(tmp_path / "tree"))
    header = found.root / MICRO / "debug_log.h"
    header.write_text(header.read_text().replace("const char* s", "const char* s, va_list a"))
    assert "conflicting declaration" in complaints(found.root, found.generation, tmp_path)


def test_the_pinned_trees_are_of_their_generations() -> None:
    """The real trees."""
    found = detect_tree(locate_tflm("2024").root)
    assert found.marks == MARKS_2024
    assert found.generation is GENERATION_2024
    assert found.problems == ()
    found = detect_tree(locate_tflm("2020").root)
    assert found.generation is GENERATION_2020
    assert found.problems == ()


@pytest.mark.parametrize(("mark", "layout"), [("library.properties", Layout.ARDUINO)])
def test_a_tree_below_src_is_a_library(mark: str, layout: Layout, tmp_path: Path) -> None:
    BY_NAME["2023-07"].write(tmp_path / "src")
    (tmp_path / mark).write_text("")
    found = detect_tree(tmp_path)
    assert found.root == tmp_path / "src"
    assert found.marks is not None
    assert found.marks.layout is layout


def test_optimized_kernels_without_their_reference_kernels_are_the_only_library(
    tmp_path: Path,
) -> None:
    """What the generator leaves of a tree for OPTIMIZED_KERNEL_DIR=cmsis_nn."""
    root = BY_NAME["2026"].write(tmp_path)
    (root / MICRO / "kernels/conv.cc").unlink()
    found = detect_tree(root)
    assert found.problems == ()
    assert [each.name for each in found.generation.libraries] == [CMSIS_NN]


def test_the_first_kernels_of_cmsis_had_a_folder_with_a_hyphen(tmp_path: Path) -> None:
    root = BY_NAME["2021"].write(tmp_path)
    (root / MICRO / "kernels/cmsis_nn").rename(root / MICRO / "kernels/cmsis-nn")
    assert detect_tree(root).generation.libraries[0].folder == "cmsis-nn"


# ---- refused


def test_the_fork_of_xmos_is_refused_by_name(tmp_path: Path) -> None:
    root = BY_NAME["2023-07"].write(tmp_path)
    header = root / MICRO / "micro_interpreter.h"
    header.write_text(header.read_text().replace("namespace tflite", "namespace tflite_micro"))
    with pytest.raises(ConfigError, match="fork of XMOS"):
        detect_tree(root)


def test_standalone_tflm_is_refused_by_name(tmp_path: Path) -> None:
    root = BY_NAME["2026"].write(tmp_path)
    (root / MICRO / "c").mkdir()
    (root / MICRO / "c/common.h").write_text("")
    with pytest.raises(ConfigError, match="standalone TFLM"):
        detect_tree(root)


def test_a_tree_without_what_all_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARK_2020).parent.mkdir(parents=True)
    with pytest.raises(ConfigError, match="of no generation that hil knows"):
        detect_tree(tmp_path)


@pytest.mark.parametrize("name", ["flatbuffers", "gemmlowp", "ruy", "kissfft"])
def test_a_checkout_without_a_download_says_which_command_brings_it(
    name: str, tmp_path: Path
) -> None:
    root = BY_NAME["2025"].write(tmp_path)
    shutil.rmtree(root / DOWNLOADS / name)
    with pytest.raises(ConfigError, match=f"lacks {name}/") as caught:
        locate_tflm(root)
    assert f"make -f {MAKEFILE} third_party_downloads" in caught.value.hint


def test_a_checkout_without_cmsis_nn_says_how_it_is_downloaded(tmp_path: Path) -> None:
    root = BY_NAME["2025"].write(tmp_path)
    shutil.rmtree(root / DOWNLOADS / "cmsis_nn")
    with pytest.raises(ConfigError, match=r"lacks cmsis_nn/Include/arm_nnfunctions\.h") as caught:
        locate_tflm(root)
    assert "OPTIMIZED_KERNEL_DIR=cmsis_nn third_party_downloads" in caught.value.hint


def test_a_generated_tree_without_a_part_says_how_it_is_generated(tmp_path: Path) -> None:
    root = BY_NAME["2022-11"].write(tmp_path)
    shutil.rmtree(root / "third_party/gemmlowp")
    with pytest.raises(ConfigError, match="lacks gemmlowp") as caught:
        locate_tflm(root)
    assert "create_tflm_tree.py" in caught.value.hint
