"""The digest of a folder of sources, read anew only when a file of it changed."""

from __future__ import annotations

import hashlib
import stat
import time
from collections.abc import Collection
from pathlib import Path

from hil.errors import BuildError
from hil.firmware.cache import Cache, key_of

CACHE_KIND = "digest"
DIGEST = "sha256"
# A file that changes again within the resolution of its time of change would look unchanged.
SETTLED_S = 2.0


def tree_digest(
    root: Path, suffixes: Collection[str], cache: Cache, left_out: tuple[str, ...] = ()
) -> str:
    """SHA-256, in hex, of all files below `root` with these suffixes, by relative path and content,
    but for those whose relative path begins with one of `left_out`.

    What the cache knows for the same sizes, times of change and inodes of all files is believed.
    Raises OSError when a file cannot be read.
    """
    found = sorted(_states(root, suffixes))
    states = {name: state for name, state in found if not name.startswith(left_out)}
    newest_s = max((state[1] for state in states.values()), default=0) / 1e9
    if newest_s > time.time() - SETTLED_S:
        return _digest(root, states)
    key = key_of(root=str(root.resolve()), states=states)
    try:
        folder = cache.get(CACHE_KIND, key, lambda draft: _write(draft, _digest(root, states)))
    except BuildError:  # a cache that cannot be written is no reason not to know
        return _digest(root, states)
    return (folder / DIGEST).read_text()


def _write(draft: Path, digest: str) -> None:
    (draft / DIGEST).write_text(digest)


def _states(root: Path, suffixes: Collection[str]) -> list[tuple[str, tuple[int, int, int]]]:
    """(relative path, (bytes, time of change in ns, inode)) of each file."""
    found = []
    for path in root.rglob("*"):
        if path.suffix in suffixes:
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                state = (status.st_size, status.st_mtime_ns, status.st_ino)
                found.append((str(path.relative_to(root)), state))
    return found


def _digest(root: Path, names: Collection[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted(root / name for name in names):
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(str(path.relative_to(root)).encode() + b"\0" + content)
    return digest.hexdigest()
