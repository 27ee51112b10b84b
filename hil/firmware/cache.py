"""The user's cache folder: finished artifacts by key, made once even by several processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from platformdirs import user_cache_path

from hil.errors import BuildError
from hil.firmware.cache_entries import DRAFT_PREFIX, LOGS, STAMP, bytes_in, entry_name
from hil.firmware.cache_eviction import evict_to
from hil.firmware.cache_limit import DEFAULT_MAX_BYTES, max_bytes_from_environment
from hil.firmware.cache_locks import EntryLocks, LockTimeout, entry_locks

CACHE_VARIABLE = "HIL_CACHE_DIR"
# Longer than two builds may take that go forward (hil.firmware.cmake.TimeLimits).
LOCK_TIMEOUT_S = 15000.0
LOCK_FILE = Path("locks") / "entries.lock"
STATES = "states.json"
# Of entries with more files, those that look unchanged are not read again.
READ_FILES_MAX = 64


def key_of(**inputs: object) -> str:
    """A key for what is made from `inputs` and nothing else."""
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Cache:
    """Folders of finished artifacts. An artifact is whole, or it is not there.

    What this process has asked for stays until it ends; after an artifact was stored, the least
    recently used ones that no process uses go until the cache is within its limit.
    """

    def __init__(self, root: Path | None = None, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        """`max_bytes` holds where the environment sets no limit."""
        self._max_bytes = max_bytes
        self._stored_bytes = 0  # since the last look at all entries
        self._unlooked_bytes = 0  # how many of them may be stored before the next one
        named = os.environ.get(CACHE_VARIABLE)
        self.root = root or (Path(named) if named else user_cache_path("tflm-hil"))

    @property
    def locks(self) -> EntryLocks:
        """Who uses and makes what in it."""
        return entry_locks(self.root.absolute() / LOCK_FILE)

    def get(self, kind: str, key: str, make: Callable[[Path], None]) -> Path:
        """The folder of artifact `key`; `make` fills an empty one when it is not there.

        Nobody removes it while this process runs. Raises BuildError when the cache cannot be
        written, ConfigError for an unusable limit, or what `make` raises; nothing is kept then.
        """
        folder = self.folder(kind, key)
        if self.use(kind, key):
            return folder
        max_bytes = max_bytes_from_environment(self._max_bytes)
        with self.locked(kind, key):
            if self.use(kind, key):
                return folder
            with self.draft(kind, key) as draft:
                make(draft)
                _write_stamp(draft)
                shutil.rmtree(folder, ignore_errors=True)
                draft.rename(folder)
        self._stored_bytes += bytes_in(folder)
        if self._stored_bytes >= self._unlooked_bytes:
            self._evict(max_bytes)
        return folder

    def _evict(self, max_bytes: int) -> None:
        """Removes what is too much. Looks again when what is stored may make it too much."""
        with contextlib.suppress(OSError):  # what cannot be read or locked cannot go
            free_bytes = max_bytes - evict_to(max_bytes, self.root, self.locks).kept_bytes
            self._stored_bytes = 0
            self._unlooked_bytes = max(free_bytes // 2, max_bytes // 100)

    def has(self, kind: str, key: str) -> bool:
        """Whether artifact `key` is there and undamaged."""
        return _is_whole(self.folder(kind, key))

    def folder(self, kind: str, key: str) -> Path:
        """Where artifact `key` is, or would be."""
        return self.root / kind / key

    def use(self, kind: str, key: str) -> bool:
        """Whether artifact `key` is there and undamaged; it then stays until this process ends."""
        with contextlib.suppress(OSError):  # who cannot lock here cannot evict here either
            self.locks.use(entry_name(kind, key))
        folder = self.folder(kind, key)
        if not _is_whole(folder):
            return False
        with contextlib.suppress(OSError):  # of somebody else: its time of last use stays
            os.utime(folder / STAMP)
        return True

    def log_file(self, name: str) -> Path:
        """A fresh log file that outlives a failed build, and is kept while this process runs.

        Raises BuildError when the cache cannot be written.
        """
        with self._translated_errors():
            self.locks.use(entry_name(LOGS, name))
            log = self.root / LOGS / name
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text("")
        return log

    @contextlib.contextmanager
    def locked(self, kind: str, key: str) -> Iterator[None]:
        """Only one thread of one process is in it at a time, for each `key`. Raises BuildError."""
        with self._translated_errors():
            (self.root / kind).mkdir(parents=True, exist_ok=True)
            try:
                with self.locks.making(entry_name(kind, key), LOCK_TIMEOUT_S):
                    yield
            except LockTimeout as error:
                raise BuildError(
                    f"another build of the same {kind} has not ended in {LOCK_TIMEOUT_S:g} s",
                    hint=f"is a build stuck? it works in {self.root / kind}",
                ) from error

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BuildError(
                f"cannot write the cache folder {self.root}: {error.strerror or error}",
                hint=f"make it writable, free some space, or set {CACHE_VARIABLE}",
            ) from error

    @contextlib.contextmanager
    def draft(self, kind: str, key: str) -> Iterator[Path]:
        """An empty folder beside the artifacts, removed at the end. Wants `key` to be locked: else
        others take it for what a process left that is gone.
        """
        draft = Path(tempfile.mkdtemp(prefix=f"{DRAFT_PREFIX}{key}-", dir=self.root / kind))
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _write_stamp(folder: Path) -> None:
    hashes = {
        str(path.relative_to(folder)): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if len(hashes) > READ_FILES_MAX:
        (folder / STATES).write_text(json.dumps(_states(folder, hashes)))
    (folder / STAMP).write_text(json.dumps(hashes, indent=1))


def _is_whole(folder: Path) -> bool:
    """Whether every file is there with the content it was stored with.

    All of it is read: 0.6 ms for an image of 0.7 MB, 2.7 ms for a library of 1.5 MB. Of source
    trees, with hundreds of files (50 ms to read), sizes and times of change are looked at (6 ms),
    and only when one differs is everything read.
    """
    try:
        hashes = json.loads((folder / STAMP).read_text())
        if len(hashes) > READ_FILES_MAX and _has_states(folder, hashes):
            return True
        return all(file_sha256(folder / name) == sha256 for name, sha256 in hashes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _states(folder: Path, names: Iterable[str]) -> dict[str, list[int]]:
    """(bytes, time of last change in ns) of each file."""
    states = {}
    for name in names:
        status = (folder / name).stat()
        states[name] = [status.st_size, status.st_mtime_ns]
    return states


def _has_states(folder: Path, names: Iterable[str]) -> bool:
    try:
        return bool(json.loads((folder / STATES).read_text()) == _states(folder, names))
    except (OSError, ValueError):
        return False
