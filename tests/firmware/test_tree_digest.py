from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from hil.firmware import tree_digest as module
from hil.firmware.cache import Cache
from hil.firmware.tree_digest import tree_digest

SUFFIXES = frozenset({".c", ".h"})


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in ("a/one.c", "a/two.h", "notes.txt"):
        write(root / name, name)
    return root


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def write(path: Path, text: str, age_s: float = 100.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    changed_s = time.time() - age_s
    os.utime(path, (changed_s, changed_s))


def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    done: list[Path] = []
    original = module._digest

    def counted(root: Path, names: dict[str, object]) -> str:
        done.append(root)
        return original(root, names)

    monkeypatch.setattr(module, "_digest", counted)
    return done


def test_an_unchanged_tree_is_read_once(
    tree: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = reads(monkeypatch)
    assert len({tree_digest(tree, SUFFIXES, cache) for _ in range(3)}) == 1
    assert len(done) == 1


def test_other_content_or_another_name_is_another_digest(tree: Path, cache: Cache) -> None:
    digests = [tree_digest(tree, SUFFIXES, cache)]
    write(tree / "a" / "one.c", "A/one.c", age_s=50)
    digests.append(tree_digest(tree, SUFFIXES, cache))
    (tree / "a" / "one.c").rename(tree / "a" / "three.c")
    digests.append(tree_digest(tree, SUFFIXES, cache))
    assert len(set(digests)) == 3


def test_files_of_other_kinds_do_not_count(tree: Path, cache: Cache) -> None:
    before = tree_digest(tree, SUFFIXES, cache)
    write(tree / "notes.txt", "other")
    assert tree_digest(tree, SUFFIXES, cache) == before


def test_what_is_left_out_does_not_count(tree: Path, cache: Cache) -> None:
    write(tree / "b" / "three.c", "three")
    before = [tree_digest(tree, SUFFIXES, cache, left_out=out) for out in ((), ("b/",))]
    write(tree / "b" / "three.c", "other", age_s=50)
    after = [tree_digest(tree, SUFFIXES, cache, left_out=out) for out in ((), ("b/",))]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]


def test_the_same_tree_elsewhere_has_the_same_digest(tree: Path, cache: Cache) -> None:
    before = tree_digest(tree, SUFFIXES, cache)
    assert tree_digest(tree.rename(tree.with_name("moved")), SUFFIXES, cache) == before


def test_a_file_that_was_written_just_now_is_read_each_time(
    tree: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree / "a" / "one.c", "new", age_s=0)
    done = reads(monkeypatch)
    for _ in range(2):
        tree_digest(tree, SUFFIXES, cache)
    assert len(done) == 2


def test_without_a_cache_the_digest_is_the_same(tree: Path, tmp_path: Path, cache: Cache) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert tree_digest(tree, SUFFIXES, Cache(blocked / "x")) == tree_digest(tree, SUFFIXES, cache)
