from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hil.errors import BuildError
from hil.firmware.build import Builder
from hil.firmware.cache import Cache
from hil.firmware.image import Image, read_image
from hil.firmware.operator_units import write_units
from hil.firmware.stages import model_header
from hil.firmware.toolchain import program_version, require
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.resources import firmware_harness_dir
from hil.target import Target
from hil.tflm.additions import additions
from hil.tflm.kernels import PORTABLE_OPTIMIZED
from hil.tflm.source import TflmSource
from tests import models

pytestmark = pytest.mark.toolchain


def test_an_image_says_what_it_is(dense_image: Image, dense_model: ModelInfo) -> None:
    manifest = dense_image.manifest
    assert manifest["target"] == "stm32f746"
    assert manifest["model_sha256"] == dense_model.sha256
    assert manifest["operators"] == ["FULLY_CONNECTED"]
    assert manifest["flags"][-2:] == ["-O2", "-DNDEBUG"]
    assert len(dense_image.build_id) == 20


def test_sizes_add_up(dense_image: Image, dense_model: ModelInfo) -> None:
    sizes = dense_image.sizes
    assert sizes.model_bytes == dense_model.file_bytes
    assert sizes.flash_bytes == sizes.model_bytes + sizes.code_bytes
    assert sizes.stack_bytes == 16384
    assert sizes.arena_capacity_bytes == 256 << 10


def test_the_same_inputs_in_two_folders_give_the_same_image(
    builder: Builder,
    dense_model: ModelInfo,
    dense_image: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(firmware_harness_dir(), elsewhere)
    for module in ("hil.firmware.build", "hil.firmware.cmake", "hil.firmware.stages"):
        monkeypatch.setattr(f"{module}.firmware_harness_dir", lambda: elsewhere)
    cache = Cache(tmp_path / "cache")
    lend_objects(builder, cache)
    again = replace(builder, cache=cache).build(dense_model)
    assert again.path != dense_image.path
    assert again.path.read_bytes() == dense_image.path.read_bytes()


def lend_objects(builder: Builder, cache: Cache) -> None:
    """TFLM's objects do not depend on folders either, but take a minute."""
    shutil.copytree(builder.cache.root / "object", cache.root / "object")


def test_an_object_is_the_same_in_any_folder_with_and_without_precompiled_headers(
    builder: Builder, dense_image: Image, dense_model: ModelInfo, tmp_path: Path
) -> None:
    def compiled(folder: str, *, lends: str = "") -> list[bytes]:
        (tmp_path / folder).mkdir()
        cache = Cache(tmp_path / folder)
        if lends:
            shutil.copytree(builder.cache.root / lends, cache.root / lends)
        stages = replace(builder, cache=cache).stages
        units = write_units(tmp_path / folder / "units", builder.tflm.generation, operators)
        return [path.read_bytes() for path in stages.compiled(sources, units)]

    operators = [each.operator for each in additions(dense_model, builder.tflm)]
    sources = builder.tflm.core_sources()[:2]
    assert dense_image.path.exists() and any((builder.cache.root / "prelude").iterdir())
    assert compiled("one") == compiled("another", lends="prelude")


def test_the_quick_schema_changes_no_code(tflm: TflmSource, tmp_path: Path) -> None:
    generation, harness = tflm.generation, firmware_harness_dir() / "tflm"
    source = next(p for p in tflm.core_sources() if p.stem == "micro_interpreter_graph")

    def code(name: str, *first: str) -> str:
        built = tmp_path / f"{name}.o"
        command = [
            *("arm-none-eabi-g++", "-c", "-mcpu=cortex-m7", "-mthumb", "-O2", "-w", "-fpermissive"),
            *("-fno-rtti", "-fno-exceptions", f"-std=gnu++{generation.standard}"),
            *(f"-D{each}" for each in generation.defines),
            *(f"-I{tflm.root / each}" for each in generation.include_dirs),
            *(f"-I{harness / each}" for each in (*generation.stub_dirs, "common")),
            *first,
        ]
        subprocess.run([*command, str(source), "-o", str(built)], check=True, timeout=300)
        shown = ["arm-none-eabi-objdump", "-dr", str(built)]
        listing = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
        return listing.partition("Disassembly")[2]

    plain = code("plain")
    assert "MicroInterpreterGraph" in plain
    assert code("quick", "-include", "quick_schema.h") == plain


def test_a_file_that_was_overlooked_is_compiled_when_the_linker_misses_it(
    builder: Builder, dense_model: ModelInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tflm = replace(builder.tflm)
    stages = replace(builder, tflm=tflm).stages
    right = tflm.sources(stages.kernels, [a.registration for a in additions(dense_model, tflm)])
    overlooked = [path for path in right if path.stem == "fully_connected_common"]
    assert overlooked
    with monkeypatch.context() as patch:
        patch.setattr(TflmSource, "sources", lambda *_: [p for p in right if p not in overlooked])
        patch.setattr(TflmSource, "all_sources", lambda *_: right)
        cache = Cache(tmp_path / "cache")
        for kind in ("object", "prelude", "harness"):
            shutil.copytree(builder.cache.root / kind, cache.root / kind)
        image = replace(builder, tflm=tflm, cache=cache).build(dense_model)
    assert image.path.read_bytes() == builder.build(dense_model).path.read_bytes()


def test_another_model_is_another_image(builder: Builder, dense_image: Image) -> None:
    other = builder.build(parse_model(models.dense_float(4, 5), "other"))
    assert other.build_id != dense_image.build_id


def test_only_the_models_operators_are_linked(dense_image: Image) -> None:
    symbols = subprocess.run(
        ["arm-none-eabi-nm", "-C", dense_image.path], capture_output=True, text=True, check=True
    ).stdout
    assert "Register_FULLY_CONNECTED" in symbols
    assert "Register_CONV_2D" not in symbols


def test_nothing_of_this_machine_is_in_the_image(dense_image: Image) -> None:
    content = dense_image.path.read_bytes()
    for path in (Path.home(), Path(__file__).parents[2]):
        assert str(path).encode() not in content


def test_an_elf_of_others_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="was not built by hil"):
        read_image(Path(shutil.which("true") or "/bin/true"))
    path = tmp_path / "no.elf"
    path.write_text("no")
    with pytest.raises(BuildError, match="is no image"):
        read_image(path)


def test_a_compiler_error_is_shown_with_its_log(
    target: Target, tflm: TflmSource, dense_model: ModelInfo, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache")
    broken = Builder(target, tflm, optimization=("-O2", "-DNDEBUG", "-Dmain=1+"), cache=cache)
    with pytest.raises(BuildError, match="ninja failed") as caught:
        broken.build(dense_model)
    assert "error:" in caught.value.detail
    log = Path(caught.value.hint.removeprefix("the whole log: "))
    assert "error:" in log.read_text()
    assert list((cache.root / "harness").iterdir()) == []
    assert list((cache.root / "object").glob("*")) == []


def test_a_missing_kernel_library_is_refused(
    target: Target, tflm_2020: TflmSource, dense_model: ModelInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(tflm_2020), "libraries", tflm_2020.libraries[:1])
    with pytest.raises(BuildError, match="no kernel library portable_optimized"):
        Builder(target, tflm_2020, PORTABLE_OPTIMIZED).build(dense_model)


def test_the_resolver_holds_each_operator_once(digits_int8: ModelInfo, tflm: TflmSource) -> None:
    header = model_header(digits_int8, additions(digits_int8, tflm))
    assert header.count("X(CONV_2D_INT8)") == 1
    assert header.count(" X(") == len(digits_int8.operator_names)


def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(BuildError, match="arm-none-eabi-g--") as caught:
        require("arm-none-eabi-g--")
    assert "apt-get install" in caught.value.hint


def test_versions_are_read() -> None:
    assert program_version(require("cmake")).startswith("cmake version")
