"""What goes from the cache when it is too large: least recently used first, never what is in use.

An entry is renamed while its locks are held, and deleted afterwards: a process that looks for it
meanwhile finds all of it or nothing.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.firmware.cache_entries import EVICTED_PREFIX, UNFINISHED, Entry, read_entries
from hil.firmware.cache_locks import EntryLocks


@dataclass(frozen=True)
class Eviction:
    """What was removed, what would have been if no process used it, and how much is left of what
    was looked at.
    """

    removed: tuple[Entry, ...]
    in_use: tuple[Entry, ...]
    kept_bytes: int


def evict_to(max_bytes: int, root: Path, locks: EntryLocks) -> Eviction:
    """Removes the least recently used entries until at most `max_bytes` are left."""
    entries = sorted(read_entries(root), key=lambda entry: entry.last_use_s)
    excess = sum(entry.bytes for entry in entries) - max_bytes

    def is_too_much(entry: Entry) -> bool:
        return excess > 0 or entry.kind == UNFINISHED

    removed: list[Entry] = []
    in_use: list[Entry] = []
    for entry in filter(is_too_much, entries):
        if _remove(entry, locks):
            removed.append(entry)
            excess -= entry.bytes
        else:
            in_use.append(entry)
    return Eviction(tuple(removed), tuple(in_use), excess + max_bytes)


def evict(entries: Sequence[Entry], locks: EntryLocks) -> Eviction:
    """Removes those of the entries that no process uses."""
    removed: list[Entry] = []
    in_use: list[Entry] = []
    for entry in entries:
        (removed if _remove(entry, locks) else in_use).append(entry)
    return Eviction(tuple(removed), tuple(in_use), sum(entry.bytes for entry in in_use))


def _remove(entry: Entry, locks: EntryLocks) -> bool:
    """Removes an entry. Returns False when it is in use or cannot be removed."""
    with contextlib.suppress(OSError):
        if entry.kind == UNFINISHED:
            if locks.is_being_made(entry.name):
                return False
            shutil.rmtree(entry.path, ignore_errors=True)
            return True
        with locks.removing(entry.name) as is_unused:
            if not is_unused:
                return False
            grave = _renamed(entry)
        shutil.rmtree(grave, ignore_errors=True)
        return True
    return False


def _renamed(entry: Entry) -> Path:
    folder = entry.path.parent
    grave = Path(tempfile.mkdtemp(prefix=f"{EVICTED_PREFIX}{entry.key}-", dir=folder))
    try:
        entry.path.rename(grave / entry.path.name)
    except OSError:
        grave.rmdir()
        raise
    return grave
