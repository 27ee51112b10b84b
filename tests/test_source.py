"""Which commit a run is of."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hil.source import source_commit


def git(folder: Path, *arguments: str) -> None:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(folder), *settings, *arguments], check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_clean_tree_is_its_commit(repository: Path) -> None:
    (repository / "untracked").write_text("no part of it")
    commit = source_commit(repository)
    assert commit is not None
    assert len(commit) == 40


def test_changed_files_are_told(repository: Path) -> None:
    clean = source_commit(repository)
    (repository / "a").write_text("2")
    assert source_commit(repository) == f"{clean}+"


def test_outside_a_repository_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert source_commit(tmp_path) is None


def test_without_git_there_is_none(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert source_commit(repository) is None
