from __future__ import annotations

import dataclasses
import shutil
import tarfile
from pathlib import Path

import pytest

from hil.errors import BuildError, ConfigError
from hil.firmware.cache import Cache, file_sha256
from hil.tflm import kernels, locate
from hil.tflm.generation_2020 import GENERATION_2020
from hil.tflm.generation_2020 import MARK as MARK_2020
from hil.tflm.kernels import CMSIS_NN, PORTABLE_OPTIMIZED, REFERENCE
from hil.tflm.locate import PINNED, generation_named, locate_tflm
from hil.tflm.operators import parse_resolver_table
from hil.tflm.source import TflmSource


def test_the_resolver_table_gives_operators_and_versions() -> None:
    text = """
    // AddBuiltin(BuiltinOperator_COMMENT, Register_COMMENT(), 1, 9);
    AddBuiltin(BuiltinOperator_ABS, Register_ABS());
    AddBuiltin(BuiltinOperator_CONV_2D, Register_CONV_2D(), 1, 3);
    AddBuiltin(BuiltinOperator_RESIZE, Register_RESIZE(),
               /* min_version = */ 1,
               /* max_version = */ 2);
    """
    versions = {name: each.highest_version for name, each in parse_resolver_table(text).items()}
    assert versions == {"ABS": 1, "CONV_2D": 3, "RESIZE": 2}


def test_the_tree_of_2020_has_what_it_should(tflm_2020: TflmSource) -> None:
    assert tflm_2020.origin == "tfmicro 0.1.0"
    assert len(tflm_2020.operators) == 52
    assert tflm_2020.operators["FULLY_CONNECTED"].highest_version == 4
    assert [each.name for each in tflm_2020.libraries] == [REFERENCE, PORTABLE_OPTIMIZED]


def test_the_tree_of_2024_has_what_it_should(tflm_2024: TflmSource) -> None:
    assert tflm_2024.origin == "pico-tflmicro-sys 0.1.0"
    builtin = {name for name, each in tflm_2024.operators.items() if not each.is_custom}
    assert len(builtin) == 96
    assert {"SignalRfft", "ethos-u", "CIRCULAR_BUFFER"} == (
        {"SignalRfft", "ethos-u", "CIRCULAR_BUFFER"} & set(tflm_2024.operators)
    )
    assert all(each.highest_version is None for each in tflm_2024.operators.values())
    assert [each.name for each in tflm_2024.libraries] == [CMSIS_NN, REFERENCE]


def test_2024_has_every_operator_of_2020(tflm_2020: TflmSource, tflm_2024: TflmSource) -> None:
    assert set(tflm_2020.operators) <= set(tflm_2024.operators)


def test_kernel_libraries_are_named_where_reports_and_hints_name_them() -> None:
    libraries = [(g.name, each.name) for g, _ in PINNED.values() for each in g.libraries]
    assert {name for _, name in libraries} == set(kernels.NAMES)
    for name, generation in kernels.ONLY_IN.items():
        assert [g for g, each in libraries if each == name] == [generation]


def test_the_digest_follows_the_sources(tmp_path: Path) -> None:
    source = tmp_path / "tensorflow" / "a.cc"
    source.parent.mkdir()
    source.write_text("int a;")
    digest = TflmSource(tmp_path, "test", GENERATION_2020).digest
    assert TflmSource(tmp_path, "test", GENERATION_2020).digest == digest
    (tmp_path / "notes.txt").write_text("not a source")
    assert TflmSource(tmp_path, "test", GENERATION_2020).digest == digest
    source.write_text("int b;")
    assert TflmSource(tmp_path, "test", GENERATION_2020).digest != digest


@pytest.mark.parametrize("name", ["2020", "2024"])
def test_a_folder_is_of_the_generation_that_its_files_say(name: str) -> None:
    pinned = locate_tflm(name)
    folder = locate_tflm(pinned.root)
    assert folder.digest == pinned.digest
    assert folder.generation is pinned.generation
    assert generation_named(pinned.root) is generation_named(name)


def test_a_folder_without_tflm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no TFLM"):
        locate_tflm(tmp_path)


def test_a_folder_of_no_known_generation_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARK_2020).parent.mkdir(parents=True)
    with pytest.raises(ConfigError, match="of no generation that hil knows"):
        locate_tflm(tmp_path)


def test_what_is_no_tflm_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="no TFLM '2023'") as caught:
        locate_tflm("2023")
    assert "generations: 2024, 2020" in caught.value.hint


def test_a_library_of_the_other_generation_is_told_where_it_is(tflm_2024: TflmSource) -> None:
    with pytest.raises(ConfigError, match="no kernel library 'portable_optimized'") as caught:
        tflm_2024.library(PORTABLE_OPTIMIZED)
    assert "portable_optimized is in TFLM 2020" in caught.value.hint


def test_no_cargo_says_which_package_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BuildError, match="cargo is not installed") as caught:
        locate_tflm("2024", Cache(tmp_path))
    assert "apt-get install" in caught.value.hint


def test_cargo_without_a_registry_says_which_file_to_bring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real cargo, with a registry that is not there."""
    home = tmp_path / "cargo-home"
    home.mkdir()
    (home / "config.toml").write_text(
        "[source.crates-io]\nreplace-with = 'gone'\n"
        "[source.gone]\nregistry = 'sparse+http://127.0.0.1:9/'\n[net]\nretry = 0\n"
    )
    monkeypatch.setenv("CARGO_HOME", str(home))
    with pytest.raises(BuildError, match="cannot fetch pico-tflmicro-sys") as caught:
        locate_tflm("2024", Cache(tmp_path / "cache"))
    assert "pico-tflmicro-sys-0.1.0.crate" in caught.value.hint
    assert PINNED["2024"][1].sha256 in caught.value.hint
    assert not list((tmp_path / "cache" / "source").iterdir())


def test_a_crate_file_is_taken_without_cargo(
    tmp_path: Path, tflm_2020: TflmSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the same tree, under the SHA-256 of the file made here."""
    file = tmp_path / "tfmicro-0.1.0.crate"
    with tarfile.open(file, "w:gz") as tar:
        tar.add(tflm_2020.root, "tfmicro-0.1.0/submodules/tensorflow")
    generation, crate = PINNED["2020"]
    with pytest.raises(ConfigError, match=r"is not tfmicro 0\.1\.0: its SHA-256"):
        locate_tflm(file, Cache(tmp_path / "cache"))
    mine = dataclasses.replace(crate, sha256=file_sha256(file))
    monkeypatch.setitem(locate.PINNED, "2020", (generation, mine))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert locate_tflm(file, Cache(tmp_path / "cache")).digest == tflm_2020.digest
