"""Runs on their way into the history: a file each, written by the process that measured.

A session holds a lock on its folder. What a session that died left is imported by the next one.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from hil.errors import ConfigError
from hil.files import write_whole
from hil.store.location import FOLDER, IGNORE_FILE, SPOOL
from hil.store.store import Store
from hil.store.stored import StoredRun

LOCK = "lock"


class Spool:
    """The folder of one session, `.hil/spool/SESSION/`."""

    def __init__(self, root: Path, session_id: str) -> None:
        self.folder = root / FOLDER / SPOOL / session_id
        self._lock: FileLock | None = None

    def open(self) -> None:
        """Makes the folder and holds it as long as this process lives. Raises ConfigError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            ignore = self.folder.parent.parent / IGNORE_FILE
            if not ignore.exists():
                ignore.write_text("*\n")
            self._lock = FileLock(self.folder / LOCK, timeout=0)
            self._lock.acquire()
        except (OSError, Timeout) as error:
            raise ConfigError(
                f"cannot use {self.folder}: {error}",
                hint="make it writable, or measure with --hil-no-store",
            ) from error

    def write(self, run: StoredRun) -> None:
        """Keeps a run, whole or not at all. Raises ConfigError."""
        write_whole(self._path(run.run_id), run.model_dump_json().encode())

    def drop(self, run_id: str) -> None:
        """Forgets a run that the history has."""
        self._path(run_id).unlink(missing_ok=True)

    def waiting(self) -> list[Path]:
        """Runs that are not in the history yet."""
        return sorted(self.folder.glob("*.json"))

    def close(self) -> None:
        """Lets go of the folder, and removes it when nothing waits in it."""
        if self._lock is not None:
            self._lock.release()
        if not self.waiting():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.json"


def import_leftovers(root: Path, store: Store) -> int:
    """Takes what dead sessions left into the store; how many runs that were.

    A file that is no run stays where it is. Raises StoreError, and leaves the rest then.
    """
    count = 0
    for folder in sorted((root / FOLDER / SPOOL).glob("*/")):
        with _if_dead(folder) as is_dead:
            if not is_dead:
                continue
            for path in sorted(folder.glob("*.json")):
                with contextlib.suppress(OSError, ValidationError):
                    run = StoredRun.model_validate_json(path.read_bytes())
                    count += store.add_run(run)
                    path.unlink()
            if not list(folder.glob("*.json")):
                shutil.rmtree(folder, ignore_errors=True)
    return count


@contextlib.contextmanager
def _if_dead(folder: Path) -> Iterator[bool]:
    """Whether nobody holds the folder; held by us in the block."""
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except (Timeout, OSError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
