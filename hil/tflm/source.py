"""A TFLM source tree: which generation it is of, what it can run, and which files make it up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hil.errors import BuildError
from hil.firmware.cache import Cache
from hil.firmware.tree_digest import tree_digest
from hil.model.preflight import Limits
from hil.resources import firmware_harness_dir
from hil.target import Target
from hil.tflm.dependencies import defining_sources, needed_sources
from hil.tflm.generation import KERNELS, MICRO, Generation, Operator
from hil.tflm.kernels import KernelLibrary

SOURCE_SUFFIXES = frozenset({".h", ".hpp", ".c", ".cc", ".cpp", ".inc"})
COMPILED_SUFFIXES = frozenset({".c", ".cc", ".cpp"})


@dataclass(frozen=True)
class TflmSource:
    """A TFLM tree. `root` holds `tensorflow/`; `origin` says where it came from."""

    root: Path
    origin: str
    generation: Generation

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all its sources, by relative path and content."""
        return tree_digest(self.root, SOURCE_SUFFIXES, Cache())

    @cached_property
    def common_digest(self) -> str:
        """The same of all but the folders of optimized kernels, which nothing else depends on."""
        folders = tuple(
            f"{KERNELS}/{library.folder}/"
            for library in self.generation.libraries
            if library.folder is not None
        )
        return tree_digest(self.root, SOURCE_SUFFIXES, Cache(), left_out=folders)

    @cached_property
    def operators(self) -> Mapping[str, Operator]:
        """The operators it has kernels for, by name."""
        return self.generation.read_operators(self.root)

    @cached_property
    def kernel_files(self) -> frozenset[str]:
        """Names of the source files that hold kernels, of all its kernel libraries."""
        return frozenset(
            path.name for library in self.libraries for path in self.kernel_sources(library)
        )

    @cached_property
    def libraries(self) -> tuple[KernelLibrary, ...]:
        """The kernel libraries that can be built from it, the default one first."""
        return tuple(
            library
            for library in self.generation.libraries
            if library.folder is None or (self.root / KERNELS / library.folder).is_dir()
        )

    def library(self, name: str | None = None) -> KernelLibrary:
        """The kernel library of that name, the default one without a name.

        Raises ConfigError when the generation has none of that name, BuildError when the tree lacks
        its files.
        """
        if name is None:
            return self.libraries[0]
        library = self.generation.library(name)
        if library not in self.libraries:
            raise BuildError(
                f"the TFLM at hand ({self.origin}) has no kernel library {name}",
                hint=f"it has {', '.join(each.name for each in self.libraries)}",
            )
        return library

    def core_sources(self) -> list[Path]:
        """The files outside the kernels, sorted by path within each pattern."""
        return self._files(self.generation.core_sources)

    def kernel_sources(self, library: KernelLibrary) -> list[Path]:
        """The files that a kernel library is made of: those in the library's own folder, and ours,
        take the place of the files of the same name.
        """
        files = self._files(self.generation.kernel_sources)
        own: list[Path] = []
        if library.folder is not None:
            suffix = files[0].suffix if files else ".cc"
            own += self._files([f"{KERNELS}/{library.folder}/*{suffix}"])
        if library.own_sources is not None:
            folder = firmware_harness_dir() / "tflm" / library.own_sources
            own += sorted(folder.glob("*.cc"))
        replacements = {path.stem: path for path in own}
        kernels = self.root / KERNELS
        replaced = {path.stem for path in files if path.parent == kernels}
        return [
            *(
                replacements.get(path.stem, path) if path.parent == kernels else path
                for path in files
            ),
            *(path for path in own if path.stem not in replaced),
            *self._files(library.extra_sources),
        ]

    def sources(self, library: KernelLibrary, registrations: Iterable[str]) -> list[Path]:
        """The files that an image needs whose resolver calls these registration functions, in the
        order of the static library: it decides what the linker places where.
        """
        if self.generation.compiles_all:
            return self.all_sources(library)
        optional = self._files(self.generation.optional_sources)
        core = [path for path in self.core_sources() if path not in optional]
        kernels = self.kernel_sources(library)
        needed = needed_sources(core, [*kernels, *optional], registrations, self.root)
        return self._in_order([*core, *needed])

    def operator_sources(self, library: KernelLibrary, registration: str) -> list[Path]:
        """The kernels' files behind one registration function."""
        kernels = self.kernel_sources(library)
        if self.generation.compiles_all:  # all that a kernel needs is in its file and in headers
            return defining_sources(kernels, registration, self.root)
        return needed_sources(self.core_sources(), kernels, [registration], self.root)

    def all_sources(self, library: KernelLibrary) -> list[Path]:
        """All files of the tree with one kernel library, in the same order."""
        return self._in_order([*self.core_sources(), *self.kernel_sources(library)])

    def _in_order(self, files: Iterable[Path]) -> list[Path]:
        """Files below micro/ first, sorted as if all kernels lay in one folder."""
        kernels = self.root / KERNELS

        def place(path: Path) -> Path:
            return kernels / path.name if path.is_relative_to(kernels) else path

        micro = [path for path in files if path.is_relative_to(self.root / MICRO)]
        return [*sorted(micro, key=place), *(path for path in files if path not in micro)]

    def limits(self, target: Target, kernels: str) -> Limits:
        """What a target and this tree offer to a model."""
        placement = target.placement
        arena = placement.arena
        return Limits(
            operators={name: each.highest_version for name, each in self.operators.items()},
            kernels=kernels,
            rules=self.generation.rules,
            flash_bytes=target.flash.bytes,
            arena_bytes=target.ram_bytes if arena == "all" else target.memory[arena].bytes,
            joined_arena_bytes=target.joined_ram.bytes - placement.stack_bytes,
            joined_ram_bytes=target.joined_ram.bytes,
        )

    def _files(self, patterns: Iterable[str]) -> list[Path]:
        left_out = re.compile(self.generation.left_out)
        found: dict[Path, None] = {}
        for pattern in patterns:
            for path in sorted(self.root.glob(pattern)):
                if path.suffix in COMPILED_SUFFIXES and not left_out.fullmatch(path.stem):
                    found[path] = None
        return list(found)
