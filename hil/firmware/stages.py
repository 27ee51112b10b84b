"""The three stages of a program, each cached on its own: TFLM's objects, the harness, one model's
image.

The same for a board and for this host; what differs stands in a Platform.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hil.errors import BuildError
from hil.firmware import cmake
from hil.firmware.cache import Cache, file_sha256, key_of
from hil.firmware.objects import ObjectStore
from hil.firmware.operator_units import unit_name, write_units
from hil.model.info import ModelInfo
from hil.resources import firmware_harness_dir
from hil.tflm.additions import additions
from hil.tflm.generation import Addition
from hil.tflm.kernels import KernelLibrary
from hil.tflm.source import TflmSource

# How GNU ld begins to say what it misses.
UNDEFINED = "undefined reference"

# (what is built, steps done, steps in all)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Platform:
    """What a program is built for.

    `prefix` begins the names of its artifacts in the cache, `port` is its folder under ports/,
    `compiler` the compiler's version line, `config` the generated headers and scripts by file
    name. `definitions` go to CMake; `link_flags` gives the flags of the last stage for the folder
    that holds `config`.
    """

    prefix: str
    port: str
    compiler: str
    config: Mapping[str, str]
    definitions: Mapping[str, cmake.Definition]
    link_flags: Callable[[Path], Sequence[str]]


@dataclass(frozen=True)
class Stages:
    """Builds for one platform, from one TFLM tree with one kernel library."""

    platform: Platform
    tflm: TflmSource
    kernels: KernelLibrary
    optimization: tuple[str, ...]
    cache: Cache = field(default_factory=Cache)

    def image(
        self, model: ModelInfo, manifest: Mapping[str, Any], on_progress: Progress | None = None
    ) -> Path:
        """Folder with the model's `image.elf` and `image.map`, made when nothing is cached that is
        made from the same. Raises BuildError.
        """
        key = key_of(
            library=self.library_key,
            harness=self._harness_key,
            config=self.platform.config,
            model=model.sha256,
            manifest=manifest,
        )

        def make(draft: Path) -> None:
            added = additions(model, self.tflm)
            harness = self._harness(on_progress)
            objects = self._image_objects(added, on_progress)
            try:
                self._make_image(draft, model, manifest, added, objects, harness)
            except BuildError as error:
                if UNDEFINED not in error.detail or self.tflm.generation.compiles_all:
                    raise
                # A name that hil.tflm.dependencies has overlooked.
                _empty(draft)
                everything = self._image_objects(added, on_progress, everything=True)
                self._make_image(draft, model, manifest, added, everything, harness)

        return self.cache.get(f"{self.platform.prefix}image", key, make)

    # ---- identities

    @cached_property
    def _common_inputs(self) -> dict[str, Any]:
        kept = {k: v for k, v in self.platform.definitions.items() if not isinstance(v, Path)}
        return {
            "definitions": kept,
            "optimization": self.optimization,
            "tflm": self.tflm.common_digest,
            "compiler": self.platform.compiler,
            "cmake": files_digest("CMakeLists.txt", "cmake"),
        }

    @cached_property
    def library_key(self) -> str:
        """Key of what TFLM with this kernel library is made of."""
        own = self.kernels.own_sources
        return key_of(
            kernels=self.kernels.name,
            tree=self.tflm.digest,
            own=files_digest(f"tflm/{own}") if own is not None else "",
            rules=self._object_rules,
            **self._common_inputs,
        )

    @cached_property
    def _object_rules(self) -> str:
        generation = self.tflm.generation
        prelude = [f"tflm/{generation.compat}/{generation.prelude}"] if generation.prelude else []
        return files_digest("tflm/CMakeLists.txt", "tflm/common", *prelude, *self._stubs)

    @property
    def _stubs(self) -> list[str]:
        return [f"tflm/{each}" for each in self.tflm.generation.stub_dirs]

    @cached_property
    def harness_digest(self) -> str:
        """Digest of the harness's own sources and of the link protocol."""
        sources = files_digest("src", "image", *self._compat, f"ports/{self.platform.port}")
        return key_of(sources=sources, protocol=_protocol_header())

    @cached_property
    def _harness_key(self) -> str:
        return key_of(
            harness=self.harness_digest,
            stubs=files_digest(*self._stubs),
            config=self.platform.config,
            **self._common_inputs,
        )

    # ---- stages

    def objects(self, added: Sequence[Addition], on_progress: Progress | None = None) -> list[Path]:
        """TFLM's object files for these operators, in the order of a static library."""
        return self.compiled(self._sources(added), [], on_progress)

    def all_objects(self, on_progress: Progress | None = None) -> list[Path]:
        """All of TFLM's object files with this kernel library, in the same order."""
        return self.compiled(self.tflm.all_sources(self.kernels), [], on_progress)

    def _image_objects(
        self, added: Sequence[Addition], on_progress: Progress | None, *, everything: bool = False
    ) -> list[Path]:
        """The operators' units and the objects they need, or all of TFLM's."""
        sources = self.tflm.all_sources(self.kernels) if everything else self._sources(added)
        with TemporaryDirectory(prefix="hil-units-") as folder:
            operators = [each.operator for each in added]
            units = write_units(Path(folder) / "units", self.tflm.generation, operators)
            return self.compiled(sources, units, on_progress)

    def _sources(self, added: Sequence[Addition]) -> list[Path]:
        return self.tflm.sources(self.kernels, [each.registration for each in added])

    def compiled(
        self,
        sources: Sequence[Path],
        units: Sequence[Path],
        on_progress: Progress | None = None,
    ) -> list[Path]:
        """Object files of these source files of TFLM, then of the operator units, which all lie in
        one folder; what is missing in the cache is compiled. Raises BuildError.
        """

        def key(source: Path) -> str:
            return self._object_key(source, is_unit=source in units)

        store = ObjectStore(self.cache, f"{self.platform.prefix}object", key)

        def compile_them(missing: Sequence[Path], draft: Path) -> list[Path]:
            log = self._log(f"tflm-{self.library_key}")
            tree_files = [path for path in missing if path not in units]
            definitions: dict[str, cmake.Definition] = {
                "HIL_TFLM_SOURCES": [str(path) for path in tree_files],
                "HIL_KERNEL_SOURCES": [str(p) for p in tree_files if self._takes_defines(p)],
                "HIL_OPERATOR_UNITS": [str(path) for path in missing if path in units],
                "HIL_UNITS_DIR": units[0].parent if units else "",
                "HIL_PRECOMPILED": self._precompiled() or "",
            }
            progress = _stage_progress("TFLM", on_progress)
            self._cmake("tflm", draft, definitions, log, progress)
            work = draft / "work" / "tflm"
            self._keep_precompiled(work / "precompiled")
            return [Path(line) for line in (work / "objects.txt").read_text().splitlines()]

        return store.get([*sources, *units], compile_them)

    def _precompiled(self) -> Path | None:
        """Folder with the precompiled prelude, None when there is none yet."""
        if not self.cache.use(self._prelude_kind, self._prelude_key):
            return None
        return self.cache.folder(self._prelude_kind, self._prelude_key)

    def _keep_precompiled(self, folder: Path) -> None:
        """Keeps the prelude that a build has precompiled, if it has."""
        if not (folder / "prelude.h.gch").exists():
            return

        def move(draft: Path) -> None:
            for path in folder.iterdir():
                shutil.move(path, draft / path.name)

        self.cache.get(self._prelude_kind, self._prelude_key, move)

    @property
    def _prelude_kind(self) -> str:
        return f"{self.platform.prefix}prelude"

    @cached_property
    def _prelude_key(self) -> str:
        return key_of(rules=self._object_rules, **self._common_inputs)

    def _object_key(self, source: Path, *, is_unit: bool) -> str:
        """Key of a source file's object. Only the library's own kernels, and operator units, depend
        on which library is chosen; nothing else depends on the optimized kernels' folder.
        """
        takes_defines = is_unit or self._takes_defines(source)
        return key_of(
            source=self._name_of(source),
            content=file_sha256(source),
            tree=self.tflm.digest if self._is_optimized(source) else "",
            defines=self.kernels.defines if takes_defines else (),
            rules=self._object_rules,
            harness=self._unit_rules if is_unit else "",
            **self._common_inputs,
        )

    def _is_optimized(self, source: Path) -> bool:
        folder = self.kernels.folder
        return folder is not None and source.parent.name == folder

    def _takes_defines(self, source: Path) -> bool:
        """Whether the library's defines are for this file of the tree, or of ours in its place."""
        return self._is_optimized(source) or not source.is_relative_to(self.tflm.root)

    @cached_property
    def _unit_rules(self) -> str:
        return files_digest("src/operator_unit.h", "src/model.h", *self._compat)

    @cached_property
    def _compat(self) -> tuple[str, ...]:
        return f"tflm/{self.tflm.generation.compat}/tflm_compat.h", "tflm/common", "src/format.h"

    def _name_of(self, source: Path) -> str:
        for root in (self.tflm.root, firmware_harness_dir()):
            if source.is_relative_to(root):
                return str(source.relative_to(root))
        return source.name

    def _harness(self, on_progress: Progress | None) -> Path:
        def make(draft: Path) -> None:
            config = self._write_config(draft)
            definitions = {"HIL_CONFIG_DIR": config}
            log = self._log(f"harness-{self._harness_key}")
            progress = _stage_progress("harness", on_progress)
            self._cmake("harness", draft, definitions, log, progress)
            shutil.move(draft / "work" / "src" / "libharness.a", draft / "libharness.a")
            shutil.rmtree(draft / "work")
            shutil.rmtree(config)

        kind = f"{self.platform.prefix}harness"
        return self.cache.get(kind, self._harness_key, make) / "libharness.a"

    def _make_image(
        self,
        draft: Path,
        model: ModelInfo,
        manifest: Mapping[str, Any],
        added: Sequence[Addition],
        objects: Sequence[Path],
        harness: Path,
    ) -> None:
        config, inputs, work = self._write_config(draft), draft / "model", draft / "work"
        inputs.mkdir()
        (inputs / "model.tflite").write_bytes(model.content)
        (inputs / "manifest.json").write_text(json.dumps(manifest, indent=1))
        (inputs / "model_config.h").write_text(model_header(model, added))
        definitions: dict[str, cmake.Definition] = {
            "HIL_CONFIG_DIR": config,
            "HIL_MODEL_DIR": inputs,
            "HIL_TFLM_OBJECTS": [str(path) for path in objects],
            "HIL_HARNESS_LIBRARY": harness,
            "HIL_LINK_FLAGS": self.platform.link_flags(config),
        }
        self._cmake("image", draft, definitions, self._log(f"image-{model.sha256[:16]}"))
        shutil.move(work / "image" / "image.elf", draft / "image.elf")
        shutil.move(work / "image.map", draft / "image.map")
        for folder in (work, config, inputs):
            shutil.rmtree(folder)

    def _cmake(
        self,
        stage: str,
        draft: Path,
        definitions: Mapping[str, cmake.Definition],
        log: Path,
        on_progress: cmake.Progress | None = None,
    ) -> None:
        generation = self.tflm.generation
        harness = firmware_harness_dir() / "tflm"
        shared: dict[str, cmake.Definition] = {
            "HIL_OPTIMIZATION": self.optimization,
            "HIL_CXX_STANDARD": str(generation.standard),
            "HIL_TFLM_ROOT": self.tflm.root,
            "HIL_TFLM_COMPAT": harness / generation.compat,
            "HIL_TFLM_INCLUDES": [str(self.tflm.root / each) for each in generation.include_dirs],
            "HIL_TFLM_STUBS": [str(harness / each) for each in generation.stub_dirs],
            "HIL_TFLM_DEFINES": generation.defines,
            "HIL_TFLM_PRELUDE": generation.prelude or "",
            "HIL_KERNEL_DEFINES": self.kernels.defines,
            "HIL_HARNESS_SOURCES": generation.harness_sources,
            "HIL_PORT": self.platform.port,
            **self.platform.definitions,
        }
        cmake.build(stage, draft / "work", shared | dict(definitions), log, on_progress)

    def _write_config(self, draft: Path) -> Path:
        folder = draft / "config"
        folder.mkdir()
        for name, text in self.platform.config.items():
            (folder / name).write_text(text)
        (folder / "protocol.h").write_text(_protocol_header())
        return folder

    def _log(self, name: str) -> Path:
        return self.cache.log_file(f"{self.platform.prefix}{name}.log")


def model_header(model: ModelInfo, added: Sequence[Addition]) -> str:
    """Text of `model_config.h`: the model's hash and the operators its resolver holds."""
    sha256 = ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(model.sha256))
    units = " ".join(f"X({unit_name(each.operator, each.registration)})" for each in added)
    return (
        "// Generated from the model.\n"
        f"#define HIL_MODEL_SHA256 {{{sha256}}}\n"
        f"#define HIL_OPERATORS(X) {units}\n"
    )


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def files_digest(*names: str) -> str:
    """Digest of files and folders of the firmware harness, by relative path and content."""
    root = firmware_harness_dir()
    files = [
        path
        for name in names
        for path in ([root / name] if (root / name).is_file() else (root / name).rglob("*"))
        if path.is_file()
    ]
    return key_of(files={str(p.relative_to(root)): file_sha256(p) for p in sorted(files)})


def _protocol_header() -> str:
    from hil.link.c_header import protocol_header  # who only looks at a model needs no link

    return protocol_header()


def _stage_progress(stage: str, on_progress: Progress | None) -> cmake.Progress | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress(stage, done, total)
