"""The user's cache folder: finished artifacts by key, made once even by several processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from hil.errors import BuildError

CACHE_VARIABLE = "HIL_CACHE_DIR"
LOCK_TIMEOUT_S = 900.0
STAMP = "stamp.json"


def key_of(**inputs: object) -> str:
    """A key for what is made from `inputs` and nothing else."""
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Cache:
    """Folders of finished artifacts. An artifact is whole, or it is not there."""

    def __init__(self, root: Path | None = None) -> None:
        named = os.environ.get(CACHE_VARIABLE)
        self.root = root or (Path(named) if named else user_cache_path("tflm-hil"))

    def get(self, kind: str, key: str, make: Callable[[Path], None]) -> Path:
        """The folder of artifact `key`; `make` fills an empty one when it is not there.

        Raises BuildError when the cache cannot be written, or what `make` raises; nothing is kept
        then.
        """
        folder = self.folder(kind, key)
        if _is_whole(folder):
            return folder
        with self.locked(kind, key):
            if _is_whole(folder):
                return folder
            with self.draft(kind) as draft:
                make(draft)
                _write_stamp(draft)
                shutil.rmtree(folder, ignore_errors=True)
                draft.rename(folder)
        return folder

    def has(self, kind: str, key: str) -> bool:
        """Whether artifact `key` is there and undamaged."""
        return _is_whole(self.folder(kind, key))

    def folder(self, kind: str, key: str) -> Path:
        """Where artifact `key` is, or would be."""
        return self.root / kind / key

    @contextlib.contextmanager
    def locked(self, kind: str, key: str) -> Iterator[None]:
        """Holds the lock of `key`, across processes. Raises BuildError."""
        locks = self.root / "locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            (self.root / kind).mkdir(parents=True, exist_ok=True)
            with FileLock(locks / f"{kind}-{key}.lock", timeout=LOCK_TIMEOUT_S):
                yield
        except Timeout as error:
            raise BuildError(
                f"another build of the same {kind} has not ended in {LOCK_TIMEOUT_S:g} s",
                hint=f"is a build stuck? its lock is in {locks}",
            ) from error
        except OSError as error:
            raise BuildError(
                f"cannot write the cache folder {self.root}: {error.strerror or error}",
                hint=f"make it writable, free some space, or set {CACHE_VARIABLE}",
            ) from error

    @contextlib.contextmanager
    def draft(self, kind: str) -> Iterator[Path]:
        """An empty folder beside the artifacts, removed at the end."""
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.root / kind))
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
    (folder / STAMP).write_text(json.dumps(hashes, indent=1))


def _is_whole(folder: Path) -> bool:
    """Whether every file is there with the content it was stored with."""
    try:
        hashes = json.loads((folder / STAMP).read_text())
        return all(file_sha256(folder / name) == sha256 for name, sha256 in hashes.items())
    except (OSError, ValueError, AttributeError):
        return False
