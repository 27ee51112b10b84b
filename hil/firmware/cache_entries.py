"""What is in the cache: artifacts, logs of builds, and what interrupted processes left."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

STAMP = "stamp.json"
LOGS = "logs"
LOCKS = "locks"
UNFINISHED = "unfinished"
DRAFT_PREFIX = ".draft-"
EVICTED_PREFIX = ".evicted-"
LOG_SUFFIX = ".log"
_UNFINISHED_NAME = re.compile(r"\.(?:draft|evicted)-(.+)-[a-z0-9_]{8}")  # as tempfile ends it


@dataclass(frozen=True)
class Entry:
    """An artifact's folder, or a log file. `last_use_s` is in seconds since 1970.

    An unfinished one is a folder that a process fills or removes, or was ended while it did;
    its `artifact_kind` is that of the artifact.
    """

    kind: str
    key: str
    path: Path
    bytes: int
    last_use_s: float
    artifact_kind: str = ""

    @property
    def name(self) -> str:
        """What its locks are known by."""
        return entry_name(self.artifact_kind or self.kind, self.key)


@dataclass(frozen=True)
class KindSummary:
    """The entries of a kind together."""

    kind: str
    entries: int
    bytes: int
    last_use_s: float


def entry_name(kind: str, key: str) -> str:
    """What the locks of an artifact or log are known by."""
    return f"{kind}/{key}"


def read_entries(root: Path) -> list[Entry]:
    """Everything that is hil's in the cache folder `root`, but its locks; [] when there is none.

    What others remove meanwhile is left out.
    """
    entries: list[Entry] = []
    for folder in _scan(root):
        if folder.is_dir(follow_symlinks=False) and folder.name != LOCKS:
            for item in _scan(Path(folder.path)):
                with contextlib.suppress(FileNotFoundError):
                    entry = _entry(folder.name, item)
                    entries += [entry] if entry is not None else []
    return entries


def summaries(entries: Iterable[Entry]) -> list[KindSummary]:
    """A summary of each kind, by name."""
    kinds: dict[str, list[Entry]] = {}
    for entry in entries:
        kinds.setdefault(entry.kind, []).append(entry)
    return [
        KindSummary(
            kind,
            entries=len(members),
            bytes=sum(entry.bytes for entry in members),
            last_use_s=max(entry.last_use_s for entry in members),
        )
        for kind, members in sorted(kinds.items())
    ]


def _entry(kind: str, item: os.DirEntry[str]) -> Entry | None:
    """The entry at `item`; None for what is not ours, as in a folder that others use too."""
    path = Path(item.path)
    if not item.is_dir(follow_symlinks=False):
        if kind != LOGS or path.suffix != LOG_SUFFIX:
            return None
        status = item.stat(follow_symlinks=False)
        return Entry(kind, item.name, path, status.st_size, status.st_mtime)
    unfinished = _UNFINISHED_NAME.fullmatch(item.name)
    if unfinished is not None:
        last_use_s = path.stat().st_mtime
        return Entry(UNFINISHED, unfinished[1], path, bytes_in(path), last_use_s, kind)
    last_use_s = (path / STAMP).stat().st_mtime
    return Entry(kind, item.name, path, bytes_in(path), last_use_s)


def bytes_in(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for item in _scan(folder):
        with contextlib.suppress(FileNotFoundError):
            if item.is_dir(follow_symlinks=False):
                total += bytes_in(Path(item.path))
            else:
                total += item.stat(follow_symlinks=False).st_size
    return total


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as items:
        yield from items
