from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hil.firmware.tflm import RESOLVER_TABLE, TflmSource, locate_tflm, parse_resolver_table

from hil.errors import BuildError, ConfigError
from hil.vocab import KernelLibrary


def test_the_resolver_table_gives_operators_and_versions() -> None:
    text = """
    // AddBuiltin(BuiltinOperator_COMMENT, Register_COMMENT(), 1, 9);
    AddBuiltin(BuiltinOperator_ABS, Register_ABS());
    AddBuiltin(BuiltinOperator_CONV_2D, Register_CONV_2D(), 1, 3);
    AddBuiltin(BuiltinOperator_RESIZE, Register_RESIZE(),
               /* min_version = */ 1,
               /* max_version = */ 2);
    """
    assert parse_resolver_table(text) == {"ABS": 1, "CONV_2D": 3, "RESIZE": 2}


def test_the_pinned_tree_has_what_it_should(tflm: TflmSource) -> None:
    assert tflm.origin == "tfmicro 0.1.0"
    assert len(tflm.operators) == 52
    assert tflm.operators["FULLY_CONNECTED"] == 4
    assert set(tflm.kernel_libraries()) == set(KernelLibrary)


def test_the_digest_follows_the_sources(tmp_path: Path) -> None:
    source = tmp_path / "tensorflow" / "a.cc"
    source.parent.mkdir()
    source.write_text("int a;")
    digest = TflmSource(tmp_path, "test").digest
    assert TflmSource(tmp_path, "test").digest == digest
    (tmp_path / "notes.txt").write_text("not a source")
    assert TflmSource(tmp_path, "test").digest == digest
    source.write_text("int b;")
    assert TflmSource(tmp_path, "test").digest != digest


def test_a_folder_of_this_generation_is_taken(tflm: TflmSource) -> None:
    assert locate_tflm(tflm.root).digest == tflm.digest


def test_a_folder_without_tflm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no TFLM"):
        locate_tflm(tmp_path)


def test_another_generation_is_refused(tmp_path: Path) -> None:
    (tmp_path / RESOLVER_TABLE).parent.parent.mkdir(parents=True)
    with pytest.raises(ConfigError, match="not of generation"):
        locate_tflm(tmp_path)


def test_no_cargo_says_which_package_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BuildError, match="cargo is not installed") as caught:
        locate_tflm()
    assert "apt-get install" in caught.value.hint


def test_cargo_without_a_registry_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cargo = tmp_path / "cargo"
    cargo.write_text("#!/bin/sh\necho 'error: failed to get `tfmicro`' >&2\nexit 101\n")
    cargo.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(cargo))
    with pytest.raises(BuildError, match="cannot fetch tfmicro") as caught:
        locate_tflm()
    assert "failed to get" in caught.value.detail
