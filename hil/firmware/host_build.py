"""The image's own TFLM tree as a program for this host: same sources, same defines, same CMake.

It holds the same portable runner as the firmware and speaks the same protocol, on its standard
input and output. What differs between it and a board is compiler and core, nothing else.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hil.firmware import cmake
from hil.firmware.build import DEFAULT_OPTIMIZATION, build_log, harness_files_digest, model_header
from hil.firmware.cache import Cache, key_of
from hil.firmware.tflm import TflmSource
from hil.firmware.toolchain import program_version, require
from hil.link.c_header import protocol_header
from hil.model.info import ModelInfo
from hil.resources import firmware_harness_dir
from hil.vocab import KernelLibrary

COMPILER = "c++"
TARGET_NAME = "host"
PORT = "host"
CONFIG = f'// Generated for the host.\n#define HIL_TARGET_NAME "{TARGET_NAME}"\n'


@dataclass(frozen=True)
class HostBuilder:
    """Builds programs for this host from one TFLM tree."""

    tflm: TflmSource
    kernels: KernelLibrary = KernelLibrary.REFERENCE
    optimization: tuple[str, ...] = DEFAULT_OPTIMIZATION
    cache: Cache = field(default_factory=Cache)

    def build(self, model: ModelInfo) -> Path:
        """The program of `model`, from the cache when it is there. Raises BuildError."""
        library, harness = self._library(), self._harness()
        key = key_of(
            library=self._library_key,
            harness=self._harness_key,
            model=model.sha256,
            operators=model.operator_names,
        )
        folder = self.cache.get(
            "host-program", key, lambda draft: self._make(draft, model, library, harness)
        )
        return folder / "program"

    @cached_property
    def _common_inputs(self) -> dict[str, Any]:
        return {
            "optimization": self.optimization,
            "tflm": self.tflm.digest,
            "compiler": program_version(require(COMPILER)),
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
    def _harness_key(self) -> str:
        sources = harness_files_digest("src", "image", "tflm", f"ports/{PORT}")
        return key_of(sources=sources, protocol=protocol_header(), **self._common_inputs)

    def _definitions(self) -> dict[str, cmake.Definition]:
        return {
            "CMAKE_CXX_COMPILER": require(COMPILER),
            "HIL_OPTIMIZATION": self.optimization,
            "HIL_TFLM_ROOT": self.tflm.root,
            "HIL_PORT": PORT,
        }

    def _library(self) -> Path:
        def make(draft: Path) -> None:
            work = draft / "work"
            definitions = self._definitions() | {"HIL_KERNELS": self.kernels.value}
            log = build_log(self.cache, f"host-tflm-{self._library_key}")
            cmake.build("tflm", work, definitions, log)
            shutil.move(work / "tflm" / "libtflm.a", draft / "libtflm.a")
            shutil.rmtree(work)

        return self.cache.get("host-tflm", self._library_key, make) / "libtflm.a"

    def _harness(self) -> Path:
        def make(draft: Path) -> None:
            config, work = draft / "config", draft / "work"
            _write_config(config)
            definitions = self._definitions() | {"HIL_CONFIG_DIR": config}
            log = build_log(self.cache, f"host-harness-{self._harness_key}")
            cmake.build("harness", work, definitions, log)
            shutil.move(work / "src" / "libharness.a", draft / "libharness.a")
            shutil.rmtree(work)
            shutil.rmtree(config)

        return self.cache.get("host-harness", self._harness_key, make) / "libharness.a"

    def _make(self, draft: Path, model: ModelInfo, library: Path, harness: Path) -> None:
        config, inputs, work = draft / "config", draft / "model", draft / "work"
        _write_config(config)
        inputs.mkdir()
        (inputs / "model.tflite").write_bytes(model.content)
        (inputs / "manifest.json").write_text(json.dumps({"model_sha256": model.sha256}))
        (inputs / "model_config.h").write_text(model_header(model))
        script = firmware_harness_dir() / "ports" / PORT / "sections.ld"
        definitions = self._definitions() | {
            "HIL_CONFIG_DIR": config,
            "HIL_MODEL_DIR": inputs,
            "HIL_TFLM_LIBRARY": library,
            "HIL_HARNESS_LIBRARY": harness,
            "HIL_LINK_FLAGS": [f"-Wl,-T{script}"],
        }
        log = build_log(self.cache, f"host-program-{model.sha256[:16]}")
        cmake.build("image", work, definitions, log)
        shutil.move(work / "image" / "image.elf", draft / "program")
        for folder in (work, config, inputs):
            shutil.rmtree(folder)


def _write_config(folder: Path) -> None:
    folder.mkdir()
    (folder / "target_config.h").write_text(CONFIG)
    (folder / "protocol.h").write_text(protocol_header())
