"""How much flash the code of an image takes, before it is built: from images that were built here.

The linker map of an image says what each source file takes. Of each registration function the cache
keeps what the files behind it took in the first image that had it, and once what is in every image:
interpreter, harness, C library. Files that several operators need count once. Nothing is known of
operators that were in no image here, and nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.firmware.cache import Cache, key_of
from hil.firmware.footprint import read_footprint
from hil.firmware.image import Image
from hil.tflm.generation import Addition
from hil.tflm.kernels import KernelLibrary
from hil.tflm.source import TflmSource

CACHE_KIND = "code"
SIZES = "sizes.json"
# Stands for what is in every image.
BASE = ""


@dataclass(frozen=True)
class CodeEstimate:
    """Bytes of flash that code takes: `base_bytes` in every image, `operator_bytes` those of each
    operator's kernels, by name. What several share is counted with the first.

    `unknown` are operators that were in no image here; then the others are only part of it.
    """

    base_bytes: int
    operator_bytes: Mapping[str, int]
    unknown: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int | None:
        """All of it, None when an operator is unknown."""
        return None if self.unknown else self.base_bytes + sum(self.operator_bytes.values())


@dataclass(frozen=True)
class CodeSizes:
    """What is known of code for one tree, kernel library, compiler, flags and port: `context`."""

    cache: Cache
    tflm: TflmSource
    library: KernelLibrary
    context: Mapping[str, Any]

    def learn(self, image: Image, added: Sequence[Addition]) -> None:
        """Keeps what an image shows of operators that were in none before it."""
        registrations = [each.registration for each in added]
        if all(self._known(name) is not None for name in (BASE, *registrations)):
            return
        footprint = read_footprint(image.path, self.tflm.kernel_files)
        if footprint.doubt(image.sizes):
            return
        linked = footprint.kernel_flash_bytes
        owned: dict[str, int] = {}
        for name in registrations:
            files = {path.name for path in self.tflm.operator_sources(self.library, name)}
            sizes = {file: size for file, size in linked.items() if file in files}
            owned |= sizes
            self._keep(name, sizes)
        self._keep(BASE, {BASE: image.sizes.code_bytes - sum(owned.values())})

    def estimate(self, added: Sequence[Addition]) -> CodeEstimate | None:
        """The code of an image with these operators; None when no image was built here yet."""
        base = self._known(BASE)
        if base is None:
            return None
        counted: set[str] = set()
        sizes: dict[str, int] = {}
        unknown = []
        for each in added:
            files = self._known(each.registration)
            if files is None:
                unknown.append(each.operator.name)
                continue
            sizes[each.operator.name] = sum(files[file] for file in files.keys() - counted)
            counted |= files.keys()
        return CodeEstimate(base[BASE], sizes, tuple(unknown))

    def _known(self, registration: str) -> dict[str, int] | None:
        """Bytes by source file behind a registration function, None when it was in no image."""
        key = self._key(registration)
        if not self.cache.use(CACHE_KIND, key):
            return None
        text = (self.cache.folder(CACHE_KIND, key) / SIZES).read_text()
        return {str(file): int(size) for file, size in json.loads(text).items()}

    def _keep(self, registration: str, sizes: Mapping[str, int]) -> None:
        self.cache.get(CACHE_KIND, self._key(registration), _writer(json.dumps(sizes)))

    def _key(self, registration: str) -> str:
        return key_of(registration=registration, **self.context)


def _writer(text: str) -> Callable[[Path], None]:
    def write(draft: Path) -> None:
        (draft / SIZES).write_text(text)

    return write
