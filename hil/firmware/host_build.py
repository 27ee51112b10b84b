"""The image's own TFLM tree as a program for this host: same sources, same defines, same CMake.

It holds the same portable runner as the firmware and speaks the same protocol, on its standard
input and output. What differs between it and a board is compiler and core, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hil.firmware.build import DEFAULT_OPTIMIZATION, Builder
from hil.firmware.cache import Cache
from hil.firmware.stages import Platform, Progress, Stages
from hil.firmware.toolchain import program_version, require
from hil.model.info import ModelInfo
from hil.resources import firmware_harness_dir
from hil.tflm.additions import additions
from hil.tflm.kernels import KernelLibrary
from hil.tflm.source import TflmSource

COMPILER = "c++"
TARGET_NAME = "host"
PORT = "host"
CONFIG = f'// Generated for the host.\n#define HIL_TARGET_NAME "{TARGET_NAME}"\n'


@dataclass(frozen=True)
class HostBuilder:
    """Builds programs for this host from one TFLM tree."""

    tflm: TflmSource
    kernels: str | None = None
    optimization: tuple[str, ...] = DEFAULT_OPTIMIZATION
    cache: Cache = field(default_factory=Cache)

    @classmethod
    def beside(cls, builder: Builder) -> HostBuilder:
        """For this host what `builder` builds for a board: same tree, kernels, optimization."""
        return cls(builder.tflm, builder.kernels, builder.optimization, builder.cache)

    def build(self, model: ModelInfo, on_progress: Progress | None = None) -> Path:
        """The program of `model`, from the cache when it is there.

        Raises BuildError, and what `on_progress` raises, which ends the build.
        """
        manifest = {"model_sha256": model.sha256}
        return self._stages.image(model, manifest, on_progress) / "image.elf"

    def objects(self, model: ModelInfo | None = None) -> list[Path]:
        """TFLM's object files for this host, without DebugLog: those that `model` needs, or all.

        Raises BuildError.
        """
        if model is None:
            return self._stages.all_objects()
        return self._stages.objects(additions(model, self.tflm))

    @cached_property
    def library(self) -> KernelLibrary:
        """The kernel library in use. Raises ConfigError, BuildError."""
        return self.tflm.library(self.kernels)

    @cached_property
    def _stages(self) -> Stages:
        compiler = require(COMPILER)
        script = firmware_harness_dir() / "ports" / PORT / "sections.ld"
        platform = Platform(
            prefix="host-",
            port=PORT,
            compiler=program_version(compiler),
            config={"target_config.h": CONFIG},
            definitions={"CMAKE_CXX_COMPILER": Path(compiler)},
            link_flags=lambda _: [f"-Wl,-T{script}"],
        )
        return Stages(platform, self.tflm, self.library, self.optimization, self.cache)
