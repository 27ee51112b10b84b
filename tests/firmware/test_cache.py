from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from hil.errors import BuildError
from hil.firmware import cache as cache_module
from hil.firmware.cache import READ_FILES_MAX, Cache, key_of


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def write_answer(draft: Path) -> None:
    (draft / "answer").write_text("42")


def test_an_artifact_is_made_once(cache: Cache) -> None:
    made = []

    def make(draft: Path) -> None:
        made.append(draft)
        write_answer(draft)

    for _ in range(3):
        assert (cache.get("kind", "key", make) / "answer").read_text() == "42"
    assert len(made) == 1


def test_other_keys_are_other_artifacts(cache: Cache) -> None:
    assert cache.get("kind", "a", write_answer) != cache.get("kind", "b", write_answer)


def test_a_failed_artifact_leaves_nothing(cache: Cache) -> None:
    def fail(draft: Path) -> None:
        write_answer(draft)
        raise BuildError("no")

    with pytest.raises(BuildError):
        cache.get("kind", "key", fail)
    assert not cache.has("kind", "key")
    assert list((cache.root / "kind").iterdir()) == []


@pytest.mark.parametrize("damage", ["change", "remove", "stamp"])
def test_a_damaged_artifact_is_made_again(cache: Cache, damage: str) -> None:
    folder = cache.get("kind", "key", write_answer)
    if damage == "change":
        (folder / "answer").write_text("43")
    elif damage == "remove":
        (folder / "answer").unlink()
    else:
        (folder / "stamp.json").write_text("{")
    assert not cache.has("kind", "key")
    assert (cache.get("kind", "key", write_answer) / "answer").read_text() == "42"


def write_tree(draft: Path) -> None:
    for number in range(READ_FILES_MAX + 1):
        (draft / f"file{number}").write_text("text")


@pytest.mark.parametrize("damage", ["change", "same_time", "remove", "states"])
def test_a_damaged_tree_is_made_again(cache: Cache, damage: str) -> None:
    """Entries of many files are not read again while sizes and times are the same."""
    folder = cache.get("source", "key", write_tree)
    file = folder / "file7"
    status = file.stat()
    if damage == "change":
        file.write_text("tixt")
    elif damage == "same_time":
        file.write_text("longer text")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif damage == "remove":
        file.unlink()
    else:
        file.write_text("tixt")
        (folder / "states.json").write_text("[")
    assert not cache.has("source", "key")
    assert (cache.get("source", "key", write_tree) / "file7").read_text() == "text"


def test_an_unchanged_tree_is_not_read_again(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cache.get("source", "key", write_tree)
    read: list[Path] = []
    monkeypatch.setattr(cache_module, "file_sha256", read.append)
    assert cache.has("source", "key")
    assert read == []
    (folder / "file7").touch()
    assert not cache.has("source", "key")  # the replaced function reads nothing
    assert len(read) == 1


def test_a_tree_that_was_only_touched_is_believed_by_its_content(cache: Cache) -> None:
    folder = cache.get("source", "key", write_tree)
    (folder / "file7").touch()
    assert cache.has("source", "key")


def _get_slowly(root: Path, counter: Path) -> None:
    def make(draft: Path) -> None:
        with counter.open("a") as file:
            file.write("x")
        write_answer(draft)

    Cache(root).get("kind", "key", make)


def test_two_processes_make_an_artifact_once(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_get_slowly, args=(tmp_path / "cache", counter)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert counter.read_text() == "x"


def test_a_cache_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(BuildError, match="cannot write the cache folder") as caught:
        Cache(blocked / "cache").get("kind", "key", write_answer)
    assert "HIL_CACHE_DIR" in caught.value.hint


def test_the_environment_names_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path))
    assert Cache().root == tmp_path


def test_keys_depend_on_every_input_and_on_no_order() -> None:
    assert key_of(a=1, b=2) == key_of(b=2, a=1)
    assert key_of(a=1, b=2) != key_of(a=1, b=3)
