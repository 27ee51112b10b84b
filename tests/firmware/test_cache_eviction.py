from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hil.firmware.cache import Cache
from hil.firmware.cache_entries import read_entries, summaries
from hil.firmware.cache_eviction import Eviction, evict, evict_to
from hil.firmware.cache_locks import EntryLocks

ENTRY_BYTES = 1000
TIMEOUT_S = 60.0
# Gets an artifact as a build does, says so, and goes on until its input is closed.
USER = """
import sys
from pathlib import Path
from hil.firmware.cache import Cache
folder = Cache(Path(sys.argv[1])).get("kind", sys.argv[2], lambda d: (d / "a").write_bytes(b"x"))
print(folder, flush=True)
sys.stdin.read()
"""
# Begins to make an artifact and does not come to the end.
MAKER = """
import sys
from pathlib import Path
from hil.firmware.cache import Cache
def make(draft):
    (draft / "half").write_bytes(b"x" * 100)
    print("making", flush=True)
    sys.stdin.read()
Cache(Path(sys.argv[1])).get("kind", sys.argv[2], make)
"""
# Asks for an artifact again and again, and reads it each time.
READER = """
import sys
from pathlib import Path
from hil.firmware.cache import Cache
root = Path(sys.argv[1])
for number in range(int(sys.argv[2])):
    folder = Cache(root).get("kind", f"k{number}", lambda d: (d / "a").write_bytes(b"x" * 99))
    assert (folder / "a").read_bytes() == b"x" * 99, folder
    for earlier in range(number):
        assert (root / "kind" / f"k{earlier}" / "a").is_file(), earlier
    print(number, flush=True)
"""


@contextmanager
def process(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A running child that has printed its first line."""
    child = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None and child.stdout is not None
    try:
        assert child.stdout.readline()
        yield child
        child.stdin.close()
        child.wait(TIMEOUT_S)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def store(root: Path, key: str, age_s: float, kind: str = "kind") -> Path:
    """An artifact that was last used so long ago by a process that has ended."""
    script = (
        "import sys; from pathlib import Path; from hil.firmware.cache import Cache\n"
        "Cache(Path(sys.argv[1])).get(sys.argv[2], sys.argv[3],"
        f" lambda d: (d / 'a').write_bytes(b'x' * {ENTRY_BYTES}))"
    )
    subprocess.run([sys.executable, "-c", script, str(root), kind, key], check=True)
    folder = root / kind / key
    used_s = time.time() - age_s
    os.utime(folder / "stamp.json", (used_s, used_s))
    return folder


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_the_least_recently_used_go_first(root: Path) -> None:
    old, older, young = store(root, "old", 20), store(root, "older", 30), store(root, "young", 10)
    done = evict_to(size(young) + 10, root, Cache(root).locks)
    assert [entry.key for entry in done.removed] == ["older", "old"]
    assert young.is_dir()
    assert not old.exists()
    assert not older.exists()
    assert sorted(path.name for path in (root / "kind").iterdir()) == ["young"]


def test_asking_for_an_artifact_renews_its_last_use(root: Path) -> None:
    store(root, "first", 30)
    store(root, "second", 20)
    subprocess.run(
        [sys.executable, "-c", USER, str(root), "first"], check=True, input="", text=True
    )
    done = evict_to(ENTRY_BYTES * 3 // 2, root, Cache(root).locks)
    assert [entry.key for entry in done.removed] == ["second"]


def test_what_another_process_uses_stays_until_it_ends(root: Path) -> None:
    folder = store(root, "used", 1000)
    store(root, "unused", 10)
    with process(USER, root, "used"):
        done = evict(read_entries(root), Cache(root).locks)
        assert [entry.key for entry in done.removed] == ["unused"]
        assert [entry.key for entry in done.in_use] == ["used"]
        assert (folder / "a").is_file()
    assert [e.key for e in evict(read_entries(root), Cache(root).locks).removed] == ["used"]
    assert not folder.exists()


def test_a_killed_process_uses_nothing_any_more(root: Path) -> None:
    with process(USER, root, "used") as child:
        child.send_signal(signal.SIGKILL)
        child.wait(TIMEOUT_S)
        assert [e.key for e in evict(read_entries(root), Cache(root).locks).removed] == ["used"]


def test_what_this_process_uses_stays(root: Path) -> None:
    cache = Cache(root)
    folder = cache.get("kind", "mine", lambda draft: None)
    log = cache.log_file("build.log")
    assert [e.key for e in evict(read_entries(root), cache.locks).in_use] == ["mine", "build.log"]
    assert folder.is_dir()
    assert log.is_file()


def test_an_eviction_never_takes_what_a_reader_was_given(root: Path) -> None:
    """One process takes artifacts, another removes all that it may, without a pause."""
    with process(READER, root, 60) as reader:
        evictions = 0
        while reader.poll() is None:
            evict_to(0, root, Cache(root).locks)
            evictions += 1
        assert reader.returncode == 0
        assert evictions > 10


def test_a_store_evicts_down_to_the_limit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = store(root, "old", 20)
    monkeypatch.setenv("HIL_CACHE_MAX_BYTES", "1500")
    new = Cache(root).get("kind", "new", lambda d: _write(d / "a", ENTRY_BYTES))
    assert new.is_dir()
    assert not old.exists()


def test_stores_look_at_all_entries_only_when_they_may_be_too_many(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def look(max_bytes: int, root: Path, locks: EntryLocks) -> Eviction:
        looks.append(max_bytes)
        return evict_to(max_bytes, root, locks)

    monkeypatch.setattr("hil.firmware.cache.evict_to", look)
    monkeypatch.setenv("HIL_CACHE_MAX_BYTES", "40000")
    cache = Cache(root)
    for number in range(20):
        cache.get("kind", str(number), lambda d: _write(d / "a", ENTRY_BYTES))
    assert 2 <= len(looks) <= 7


def test_what_is_in_use_stays_above_the_limit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_CACHE_MAX_BYTES", "1")
    cache = Cache(root)
    folders = [cache.get("kind", key, lambda d: _write(d / "a", 100)) for key in ("a", "b")]
    assert all((folder / "a").is_file() for folder in folders)


def _write(path: Path, count: int) -> None:
    path.write_bytes(b"x" * count)


def test_what_an_interrupted_build_left_is_removed_and_a_running_one_is_not(root: Path) -> None:
    with process(MAKER, root, "slow") as child:
        assert [s.kind for s in summaries(read_entries(root))] == ["unfinished"]
        assert [e.kind for e in evict_to(10**9, root, Cache(root).locks).in_use] == ["unfinished"]
        child.send_signal(signal.SIGKILL)
        child.wait(TIMEOUT_S)
        assert len(evict_to(10**9, root, Cache(root).locks).removed) == 1
    assert list((root / "kind").iterdir()) == []


def test_logs_are_entries(root: Path) -> None:
    script = "import sys; from pathlib import Path; from hil.firmware.cache import Cache\n"
    script += "Cache(Path(sys.argv[1])).log_file('image-1.log').write_text('x' * 50)"
    subprocess.run([sys.executable, "-c", script, str(root)], check=True)
    assert [(s.kind, s.entries, s.bytes) for s in summaries(read_entries(root))] == [
        ("logs", 1, 50)
    ]
    assert [e.key for e in evict_to(0, root, Cache(root).locks).removed] == ["image-1.log"]


def test_what_is_not_hils_is_left_alone(root: Path) -> None:
    """HIL_CACHE_DIR may name a folder that holds other things."""
    foreign = [
        root / "letters" / "one.log",
        root / "photos" / "2020" / "a.jpg",
        root / "logs" / "n",
    ]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    assert read_entries(root) == []
    evict_to(0, root, Cache(root).locks)
    assert all(path.is_file() for path in foreign)


def test_a_cache_that_was_deleted_meanwhile_is_made_anew(root: Path) -> None:
    cache = Cache(root)
    cache.get("kind", "key", lambda draft: None)
    shutil.rmtree(root)
    folder = cache.get("kind", "key", lambda draft: None)
    with process(USER, root, "other"):
        assert [e.key for e in evict(read_entries(root), cache.locks).removed] == []
    assert folder.is_dir()
