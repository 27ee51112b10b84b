"""Object files in the cache, each on its own: a model compiles only what no model has needed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.firmware.cache import Cache

SUFFIX = ".obj"
COMPILING = "compiling"

# Compiles source files in an empty folder; gives their objects in the same order.
Compile = Callable[[Sequence[Path], Path], Sequence[Path]]


@dataclass(frozen=True)
class ObjectStore:
    """Object files of one kind of artifact; `key` gives a source file's key."""

    cache: Cache
    kind: str
    key: Callable[[Path], str]

    def get(self, sources: Sequence[Path], compile_them: Compile) -> list[Path]:
        """The sources' objects in their order; those that are missing are compiled together.

        Raises what `compile_them` raises; nothing is kept then.
        """
        keys = {source: self.key(source) for source in sources}
        if self._missing(keys):
            # Another process that needs the same objects waits here, and then finds them.
            with self.cache.locked(self.kind, COMPILING):
                missing = self._missing(keys)
                if missing:
                    with self.cache.draft(self.kind, COMPILING) as draft:
                        objects = compile_them(missing, draft)
                        for source, made in zip(missing, objects, strict=True):
                            self._keep(source, keys[source], made)
        return [self._path(source, key) for source, key in keys.items()]

    def _missing(self, keys: dict[Path, str]) -> list[Path]:
        return [source for source, key in keys.items() if not self.cache.use(self.kind, key)]

    def _keep(self, source: Path, key: str, made: Path) -> None:
        self.cache.get(self.kind, key, lambda draft: _copy(made, draft / _name(source)))

    def _path(self, source: Path, key: str) -> Path:
        return self.cache.folder(self.kind, key) / _name(source)


def _copy(made: Path, to: Path) -> None:
    shutil.copyfile(made, to)


def _name(source: Path) -> str:
    return source.name + SUFFIX
