"""The three stages of a program, each cached on its own: TFLM, the harness, one model's image.

The same for a board and for this host; what differs stands in a Platform.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from hil.errors import BuildError
from hil.firmware import cmake
from hil.firmware.cache import Cache, file_sha256, key_of
from hil.firmware.tflm import TflmSource
from hil.link.c_header import protocol_header
from hil.model.info import ModelInfo
from hil.resources import firmware_harness_dir
from hil.vocab import KernelLibrary

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
    """Builds for one platform, from one TFLM tree."""

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
        if self.kernels not in self.tflm.kernel_libraries():
            raise BuildError(f"the TFLM at hand has no kernel library {self.kernels.value}")
        library, harness = self.library(on_progress), self._harness(on_progress)
        key = key_of(
            library=self.library_key,
            harness=self._harness_key,
            config=self.platform.config,
            model=model.sha256,
            manifest=manifest,
        )
        return self.cache.get(
            f"{self.platform.prefix}image",
            key,
            lambda draft: self._make_image(draft, model, manifest, library, harness),
        )

    # ---- identities

    @cached_property
    def _common_inputs(self) -> dict[str, Any]:
        kept = {k: v for k, v in self.platform.definitions.items() if not isinstance(v, Path)}
        return {
            "definitions": kept,
            "optimization": self.optimization,
            "tflm": self.tflm.digest,
            "compiler": self.platform.compiler,
            "cmake": files_digest("CMakeLists.txt", "cmake"),
        }

    @cached_property
    def library_key(self) -> str:
        """Key of TFLM's library in the cache."""
        inputs = self._common_inputs | {"tflm": self.tflm.library_digest(self.kernels)}
        rules = files_digest("tflm/CMakeLists.txt")
        return key_of(kernels=self.kernels.value, rules=rules, **inputs)

    @cached_property
    def harness_digest(self) -> str:
        """Digest of the harness's own sources and of the link protocol."""
        sources = files_digest("src", "image", "tflm", f"ports/{self.platform.port}")
        return key_of(sources=sources, protocol=protocol_header())

    @cached_property
    def _harness_key(self) -> str:
        return key_of(
            harness=self.harness_digest, config=self.platform.config, **self._common_inputs
        )

    # ---- stages

    def library(self, on_progress: Progress | None = None) -> Path:
        """TFLM's static library."""

        def make(draft: Path) -> None:
            definitions: dict[str, cmake.Definition] = {"HIL_KERNELS": self.kernels.value}
            if self.kernels is not KernelLibrary.REFERENCE:
                reference = replace(self, kernels=KernelLibrary.REFERENCE)
                definitions["HIL_REFERENCE_LIBRARY"] = reference.library(on_progress)
            log = self._log(f"tflm-{self.library_key}")
            self._cmake("tflm", draft, definitions, log, _stage_progress("TFLM", on_progress))
            shutil.move(draft / "work" / "tflm" / "libtflm.a", draft / "libtflm.a")
            shutil.rmtree(draft / "work")

        kind = f"{self.platform.prefix}tflm"
        return self.cache.get(kind, self.library_key, make) / "libtflm.a"

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
        library: Path,
        harness: Path,
    ) -> None:
        config, inputs, work = self._write_config(draft), draft / "model", draft / "work"
        inputs.mkdir()
        (inputs / "model.tflite").write_bytes(model.content)
        (inputs / "manifest.json").write_text(json.dumps(manifest, indent=1))
        (inputs / "model_config.h").write_text(model_header(model))
        definitions: dict[str, cmake.Definition] = {
            "HIL_CONFIG_DIR": config,
            "HIL_MODEL_DIR": inputs,
            "HIL_TFLM_LIBRARY": library,
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
        shared: dict[str, cmake.Definition] = {
            "HIL_OPTIMIZATION": self.optimization,
            "HIL_TFLM_ROOT": self.tflm.root,
            "HIL_PORT": self.platform.port,
            **self.platform.definitions,
        }
        cmake.build(stage, draft / "work", shared | dict(definitions), log, on_progress)

    def _write_config(self, draft: Path) -> Path:
        folder = draft / "config"
        folder.mkdir()
        for name, text in self.platform.config.items():
            (folder / name).write_text(text)
        (folder / "protocol.h").write_text(protocol_header())
        return folder

    def _log(self, name: str) -> Path:
        return self.cache.log_file(f"{self.platform.prefix}{name}.log")


def model_header(model: ModelInfo) -> str:
    """Text of `model_config.h`: the model's hash and the operators its resolver holds."""
    sha256 = ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(model.sha256))
    operators = " ".join(f"X({name})" for name in model.operator_names)
    return (
        "// Generated from the model.\n"
        f"#define HIL_OPERATOR_COUNT {len(model.operator_names)}\n"
        f"#define HIL_OPERATORS(X) {operators}\n"
        f"#define HIL_MODEL_SHA256 {{{sha256}}}\n"
    )


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


def _stage_progress(stage: str, on_progress: Progress | None) -> cmake.Progress | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress(stage, done, total)
