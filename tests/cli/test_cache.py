from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from hil.firmware.cache_entries import DRAFT_PREFIX
from tests.cli.test_cli import hil, refused
from tests.firmware.test_cache_eviction import ENTRY_BYTES, USER, process, store


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("HIL_CACHE_MAX_BYTES", raising=False)
    return tmp_path / "cache"


def test_an_empty_cache_is_no_error(root: Path) -> None:
    assert "0 of at most 2,147,483,648 bytes" in hil("cache", "info").stdout
    assert "0 entries removed, 0 bytes freed" in hil("cache", "prune").stdout


def test_info_counts_entries_and_bytes_by_kind(root: Path, tmp_path: Path) -> None:
    folders = [store(root, "a", 10, "image"), store(root, "b", 20, "image"), store(root, "c", 5)]
    total = sum(path.stat().st_size for folder in folders for path in folder.iterdir())
    document = json.loads(hil("cache", "info", "--json").stdout)
    assert document["folder"] == str(root)
    assert document["bytes"] == total
    assert [(kind["kind"], kind["entries"]) for kind in document["kinds"]] == [
        ("image", 2),
        ("kind", 1),
    ]
    text = hil("cache", "info").stdout
    assert f"{total:,} of at most" in text
    assert time.strftime("%Y-%m-%d") in text


def test_prune_says_what_went_and_what_stays_because_it_is_in_use(root: Path) -> None:
    used, unused = store(root, "used", 10), store(root, "unused", 20)
    with process(USER, root, "used"):
        done = hil("cache", "prune", "--all")
        assert done.returncode == 0
        assert "removed: kind, 1 entry, " in done.stdout
        assert "kept, in use: kind, 1 entry, " in done.stdout
        assert used.is_dir()
    assert not unused.exists()
    document = json.loads(hil("cache", "prune", "--all", "--json").stdout)
    assert [entry["key"] for entry in document["removed"]] == ["used"]
    assert document["in_use"] == []


def test_prune_keeps_what_was_used_lately(root: Path) -> None:
    store(root, "old", 3 * 86400)
    young = store(root, "young", 3600)
    assert "1 entry removed" in hil("cache", "prune", "--older-than", "2d").stdout
    assert [path.name for path in young.parent.iterdir()] == ["young"]


def test_prune_removes_what_a_killed_build_left_whatever_its_age(root: Path) -> None:
    left = root / "kind" / f"{DRAFT_PREFIX}new-abcd1234"
    left.mkdir(parents=True)
    (left / "half").write_text("half")
    assert "removed: unfinished, 1 entry" in hil("cache", "prune", "--older-than", "30d").stdout
    assert not left.exists()


def test_prune_goes_down_to_a_size(root: Path) -> None:
    for number in range(4):
        store(root, str(number), 100 - number)
    assert "3 entries removed" in hil("cache", "prune", "--max-bytes", ENTRY_BYTES + 200).stdout
    assert [path.name for path in (root / "kind").iterdir()] == ["3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-bytes", "many"], "'many' is not a size"),
        (["--older-than", "yesterday"], "yesterday: not an age"),
        (["--all", "--older-than", "1d"], "exclude each other"),
    ],
)
def test_wrong_arguments_are_refused(root: Path, arguments: list[str], message: str) -> None:
    refused(hil("cache", "prune", *arguments), message)


def test_a_limit_that_cannot_be_read_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_CACHE_MAX_BYTES", "lots")
    refused(hil("cache", "info"), "HIL_CACHE_MAX_BYTES: 'lots' is not a size")
