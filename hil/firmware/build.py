"""Builds images: TFLM once per library, the harness once per target, then a link per model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hil.errors import BuildError
from hil.firmware import cmake
from hil.firmware.cache import Cache, file_sha256, key_of
from hil.firmware.image import Image, read_image
from hil.firmware.target_files import config_header, cpu_flags, memory_script
from hil.firmware.tflm import TflmSource
from hil.firmware.toolchain import Toolchain, find_toolchain
from hil.link.c_header import protocol_header
from hil.model.info import ModelInfo
from hil.resources import firmware_harness_dir
from hil.target import Target
from hil.vocab import KernelLibrary

# With NDEBUG: checks on cost 2.5 times the instructions, and this TFLM's int8 ADD then rejects
# correct models (input zero point -128).
DEFAULT_OPTIMIZATION = ("-O2", "-DNDEBUG")

# (what is built, steps done, steps in all)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Builder:
    """Builds images for one target from one TFLM tree."""

    target: Target
    tflm: TflmSource
    kernels: KernelLibrary = KernelLibrary.REFERENCE
    optimization: tuple[str, ...] = DEFAULT_OPTIMIZATION
    cache: Cache = field(default_factory=Cache)

    def build(self, model: ModelInfo, on_progress: Progress | None = None) -> Image:
        """The image of `model`, from the cache when nothing that goes into it has changed.

        Raises BuildError.
        """
        if self.kernels not in self.tflm.kernel_libraries():
            raise BuildError(f"the TFLM at hand has no kernel library {self.kernels.value}")
        tflm = self._library(on_progress)
        harness = self._harness(on_progress)
        folder = self.cache.get(
            "image",
            self._image_key(model),
            lambda draft: self._make_image(draft, model, tflm, harness),
        )
        return read_image(folder / "image.elf")

    # ---- identities

    @cached_property
    def toolchain(self) -> Toolchain:
        """The compiler in use."""
        return find_toolchain()

    @cached_property
    def _common_inputs(self) -> dict[str, Any]:
        return {
            "cpu": cpu_flags(self.target),
            "optimization": self.optimization,
            "tflm": self.tflm.digest,
            "toolchain": self.toolchain.version,
            "cmake": harness_files_digest("CMakeLists.txt", "cmake"),
        }

    @cached_property
    def _library_key(self) -> str:
        return key_of(
            kernels=self.kernels.value,
            rules=harness_files_digest("tflm/CMakeLists.txt"),
            **self._common_inputs,
        )

    @cached_property
    def harness_digest(self) -> str:
        """Digest of the harness's own sources and of the link protocol."""
        port = f"ports/{self.target.mcu.port}"
        return key_of(
            sources=harness_files_digest("src", "image", "tflm", port), protocol=protocol_header()
        )

    @cached_property
    def _harness_key(self) -> str:
        return key_of(
            harness=self.harness_digest, config=config_header(self.target), **self._common_inputs
        )

    def _image_key(self, model: ModelInfo) -> str:
        return key_of(
            library=self._library_key,
            harness=self._harness_key,
            memory=memory_script(self.target),
            model=model.sha256,
            manifest=self.manifest(model),
        )

    def manifest(self, model: ModelInfo) -> dict[str, Any]:
        """What the image says of itself, for people and for preflight without a device."""
        return {
            "schema": 1,
            "target": self.target.name,
            "core_clock_hz": self.target.clock.core_clock_hz,
            "placement": self.target.placement.model_dump(),
            "model_sha256": model.sha256,
            "model_bytes": model.file_bytes,
            "operators": list(model.operator_names),
            "kernels": self.kernels.value,
            "tflm": {"origin": self.tflm.origin, "digest": self.tflm.digest},
            "harness_digest": self.harness_digest,
            "toolchain": self.toolchain.version,
            "flags": [*cpu_flags(self.target), *self.optimization],
        }

    # ---- stages

    def _definitions(self) -> dict[str, cmake.Definition]:
        toolchain_file = firmware_harness_dir() / "cmake" / "arm-none-eabi.cmake"
        return {
            "CMAKE_TOOLCHAIN_FILE": toolchain_file,
            "HIL_CPU_FLAGS": cpu_flags(self.target),
            "HIL_OPTIMIZATION": self.optimization,
            "HIL_TFLM_ROOT": self.tflm.root,
            "HIL_PORT": self.target.mcu.port,
        }

    def _library(self, on_progress: Progress | None) -> Path:
        def make(draft: Path) -> None:
            definitions = self._definitions() | {"HIL_KERNELS": self.kernels.value}
            work = draft / "work"
            log = build_log(self.cache, f"tflm-{self._library_key}")
            cmake.build("tflm", work, definitions, log, _stage_progress("TFLM", on_progress))
            shutil.move(work / "tflm" / "libtflm.a", draft / "libtflm.a")
            shutil.rmtree(work)

        return self.cache.get("tflm", self._library_key, make) / "libtflm.a"

    def _harness(self, on_progress: Progress | None) -> Path:
        def make(draft: Path) -> None:
            config = draft / "config"
            self._write_config(config)
            definitions = self._definitions() | {"HIL_CONFIG_DIR": config}
            work = draft / "work"
            log = build_log(self.cache, f"harness-{self._harness_key}")
            progress = _stage_progress("harness", on_progress)
            cmake.build("harness", work, definitions, log, progress)
            shutil.move(work / "src" / "libharness.a", draft / "libharness.a")
            shutil.rmtree(work)
            shutil.rmtree(config)

        return self.cache.get("harness", self._harness_key, make) / "libharness.a"

    def _write_config(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "target_config.h").write_text(config_header(self.target))
        (folder / "protocol.h").write_text(protocol_header())
        (folder / "memory.ld").write_text(memory_script(self.target))

    def _make_image(self, draft: Path, model: ModelInfo, tflm: Path, harness: Path) -> None:
        config, inputs, work = draft / "config", draft / "model", draft / "work"
        self._write_config(config)
        inputs.mkdir()
        (inputs / "model.tflite").write_bytes(model.content)
        (inputs / "manifest.json").write_text(json.dumps(self.manifest(model), indent=1))
        (inputs / "model_config.h").write_text(model_header(model))
        script = firmware_harness_dir() / "ports" / self.target.mcu.port / "sections.ld"
        definitions = self._definitions() | {
            "HIL_CONFIG_DIR": config,
            "HIL_MODEL_DIR": inputs,
            "HIL_TFLM_LIBRARY": tflm,
            "HIL_HARNESS_LIBRARY": harness,
            "HIL_LINK_FLAGS": [
                "-nostartfiles",
                "--specs=nano.specs",
                f"-Wl,-L{config}",
                f"-Wl,-T{script}",
            ],
        }
        cmake.build("image", work, definitions, build_log(self.cache, f"image-{model.sha256[:16]}"))
        shutil.move(work / "image" / "image.elf", draft / "image.elf")
        shutil.move(work / "image.map", draft / "image.map")
        for folder in (work, config, inputs):
            shutil.rmtree(folder)


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


def harness_files_digest(*names: str) -> str:
    """Digest of files and folders of the firmware harness, by relative path and content."""
    root = firmware_harness_dir()
    files = [
        path
        for name in names
        for path in ([root / name] if (root / name).is_file() else (root / name).rglob("*"))
        if path.is_file()
    ]
    return key_of(files={str(p.relative_to(root)): file_sha256(p) for p in sorted(files)})


def build_log(cache: Cache, name: str) -> Path:
    """A fresh log file that outlives a failed build."""
    log = cache.root / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    return log


def _stage_progress(stage: str, on_progress: Progress | None) -> cmake.Progress | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress(stage, done, total)
