"""How much flash the code of an image takes, before it is built: from images that were built here.

The linker map of an image says what each object file takes. The cache keeps that for each set of
operators that an image had. What an operator brings into an image are the kernels behind its
registration function, and of interpreter, harness and C library what every image with that operator
had. What several bring counts once. Nothing is known of operators that were in no image here, and
nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from hil.firmware.cache import Cache, key_of
from hil.firmware.footprint import kernel_source, read_footprint
from hil.firmware.image import Image
from hil.firmware.operator_units import unit_file_name
from hil.tflm.generation import Addition
from hil.tflm.kernels import KernelLibrary
from hil.tflm.source import TflmSource

CACHE_KIND = "code"
SIZES = "sizes.json"


class ImageCode(BaseModel):
    """Code in an image: `object_bytes` by object file, `padding_bytes` between them, and of each
    registration function the source files behind it: its unit and the kernels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    registrations: dict[str, list[str]]
    object_bytes: dict[str, int]
    padding_bytes: int

    def brought_by(self, registration: str) -> dict[str, int]:
        """Objects without those kernels that are behind other registration functions only."""
        own = set(self.registrations[registration])
        others = {file for files in self.registrations.values() for file in files} - own
        return {n: size for n, size in self.object_bytes.items() if kernel_source(n) not in others}


@dataclass(frozen=True)
class CodeEstimate:
    """Bytes of flash that code takes: `base_bytes` without kernels, `operator_bytes` those of each
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
        """Keeps what an image shows, the first one with these operators."""
        registrations = sorted(each.registration for each in added)
        key = f"{self._context_key}-{key_of(registrations=registrations)}"
        if self.cache.use(CACHE_KIND, key):
            return
        footprint = read_footprint(image.path, self.tflm.kernel_files)
        if footprint.doubt(image.sizes):
            return
        code = ImageCode(
            registrations={each.registration: self._files_behind(each) for each in added},
            object_bytes=footprint.code_bytes,
            padding_bytes=image.sizes.code_bytes - sum(footprint.code_bytes.values()),
        )
        self.cache.get(CACHE_KIND, key, _writer(code.model_dump_json()))

    def estimate(self, added: Sequence[Addition]) -> CodeEstimate | None:
        """The code of an image with these operators; None when no image was built here yet."""
        images = list(self._images())
        if not images:
            return None
        total: dict[str, int] = {}
        operator_bytes: dict[str, int] = {}
        unknown: list[str] = []
        wanted = {each.registration for each in added}
        same = [image for image in images if image.registrations.keys() == wanted]
        for each in added:
            name = each.operator.name
            seen = [one for one in same or images if each.registration in one.registrations]
            if not seen:
                unknown.append(name)
                continue
            brought = _in_all(one.brought_by(each.registration) for one in seen)
            kernels = set(seen[0].registrations[each.registration])
            before = _kernel_bytes(total, kernels)
            total = {n: max(total.get(n, 0), brought.get(n, 0)) for n in {**total, **brought}}
            operator_bytes[name] = _kernel_bytes(total, kernels) - before
        padding = max(image.padding_bytes for image in same or images)
        base = sum(total.values()) - sum(operator_bytes.values()) + padding
        return CodeEstimate(base, operator_bytes, tuple(unknown))

    @property
    def _context_key(self) -> str:
        return key_of(**self.context)

    def _files_behind(self, added: Addition) -> list[str]:
        kernels = self.tflm.operator_sources(self.library, added.registration)
        return [*(path.name for path in kernels), unit_file_name(added.operator)]

    def _images(self) -> Iterable[ImageCode]:
        for folder in sorted((self.cache.root / CACHE_KIND).glob(f"{self._context_key}-*")):
            if self.cache.use(CACHE_KIND, folder.name):
                try:
                    yield ImageCode.model_validate(json.loads((folder / SIZES).read_text()))
                except ValidationError:
                    continue  # of another version of hil


def _in_all(sizes: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Objects that are in all images, with the least they took."""
    first, *others = sizes
    return {
        name: min(size, *(other[name] for other in others)) if others else size
        for name, size in first.items()
        if all(name in other for other in others)
    }


def _kernel_bytes(objects: Mapping[str, int], sources: set[str]) -> int:
    return sum(size for name, size in objects.items() if kernel_source(name) in sources)


def _writer(text: str) -> Callable[[Path], None]:
    def write(draft: Path) -> None:
        (draft / SIZES).write_text(text)

    return write
