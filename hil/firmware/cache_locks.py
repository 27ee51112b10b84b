"""Locks of the cache's entries: one byte of a single file for each, released when a process ends.

POSIX record locks belong to a process and the kernel drops them with it, however it ends; a lock
file for each entry would have to be cleaned up, and a descriptor for each would run out. They are
also dropped when the process closes *any* descriptor of the file: it stays open for good, and
nothing else may open it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

# Another process holds an entry exclusively while it renames it, for microseconds.
REMOVAL_TIMEOUT_S = 30.0
POLL_S = 0.02
OFFSET_BYTES = 7  # two locks for each number of 56 bits: below 2**63, where file offsets end


class LockTimeout(TimeoutError):
    """Another process or thread held a lock for longer than one may wait."""


@functools.cache
def entry_locks(path: Path) -> EntryLocks:
    """The locks in the file `path`, the same object for all of this process."""
    return EntryLocks(path)


class EntryLocks:
    """Who uses, makes or removes an entry. Entries are known by their names.

    All methods raise OSError when the file cannot be opened or locked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Condition()
        self._descriptor = -1
        self._process_id = -1
        self._used: set[int] = set()
        self._making: set[int] = set()

    def use(self, name: str) -> None:
        """Keeps every process from removing the entry until this one ends.

        Raises LockTimeout when one that removes it does not finish.
        """
        with self._guard:
            file, offset = self._file(), _offset(name)
            if offset not in self._used:
                deadline = time.monotonic() + REMOVAL_TIMEOUT_S
                _acquire(file, fcntl.LOCK_SH, offset, deadline)
                self._used.add(offset)

    @contextlib.contextmanager
    def making(self, name: str, timeout_s: float) -> Iterator[None]:
        """Only one thread of one process makes an entry at a time; the others wait for it.

        Raises LockTimeout after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        with self._guard:
            file, offset = self._file(), _offset(name) + 1
            while offset in self._making:
                if not self._guard.wait(max(0.0, deadline - time.monotonic())):
                    raise LockTimeout(errno.ETIMEDOUT, "another thread makes it")
            self._making.add(offset)
        try:
            _acquire(file, fcntl.LOCK_EX, offset, deadline)
            try:
                yield
            finally:
                fcntl.lockf(file, fcntl.LOCK_UN, 1, offset)
        finally:
            with self._guard:
                self._making.discard(offset)
                self._guard.notify_all()

    @contextlib.contextmanager
    def removing(self, name: str) -> Iterator[bool]:
        """Gives whether nobody uses the entry; nobody can begin to while the block runs."""
        with self._guard:
            file, offset = self._file(), _offset(name)
            if offset in self._used or not _try(file, fcntl.LOCK_EX, offset):
                yield False
                return
            try:
                yield True
            finally:
                fcntl.lockf(file, fcntl.LOCK_UN, 1, offset)

    def is_being_made(self, name: str) -> bool:
        """Whether a process makes the entry."""
        with self._guard:
            file, offset = self._file(), _offset(name) + 1
            if offset in self._making or not _try(file, fcntl.LOCK_EX, offset):
                return True
            fcntl.lockf(file, fcntl.LOCK_UN, 1, offset)
            return False

    def _file(self) -> int:
        """The descriptor of the file: a new one after a fork, and after somebody deleted it."""
        is_ours = self._process_id == os.getpid() and self._descriptor >= 0
        if not is_ours or os.fstat(self._descriptor).st_nlink == 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            self._process_id = os.getpid()
            self._used.clear()
            self._making.clear()
        return self._descriptor


def _offset(name: str) -> int:
    """Where the lock of those who use the entry lies; that of who makes it is the next."""
    return 2 * int.from_bytes(hashlib.sha256(name.encode()).digest()[:OFFSET_BYTES])


def _try(file: int, how: int, offset: int) -> bool:
    try:
        fcntl.lockf(file, how | fcntl.LOCK_NB, 1, offset)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True


def _acquire(file: int, how: int, offset: int, deadline: float) -> None:
    """Waits for a lock by asking again: the call that blocks has no deadline."""
    while not _try(file, how, offset):
        if time.monotonic() >= deadline:
            raise LockTimeout(errno.ETIMEDOUT, "another process holds it")
        time.sleep(POLL_S)
