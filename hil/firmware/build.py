"""Builds images for boards: TFLM once per library, the harness once per target, then a link."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from hil import __version__
from hil.errors import BuildError
from hil.firmware.cache import Cache
from hil.firmware.code_size import CodeEstimate, CodeSizes
from hil.firmware.image import Image, read_image
from hil.firmware.overflow import overflow_in
from hil.firmware.stages import Platform, Progress, Stages
from hil.firmware.target_files import config_header, cpu_flags, memory_script
from hil.firmware.toolchain import Toolchain, find_toolchain
from hil.model.info import ModelInfo
from hil.model.preflight import Limits
from hil.resources import firmware_harness_dir
from hil.target import Target
from hil.tflm.additions import additions
from hil.tflm.kernels import KernelLibrary
from hil.tflm.source import TflmSource

# Checks on cost 2.5 times the instructions, and this TFLM's int8 ADD then rejects
# correct models (input zero point -128).
NDEBUG = "-DNDEBUG"
DEFAULT_OPTIMIZATION = ("-O2", NDEBUG)


@dataclass(frozen=True)
class Builder:
    """Builds images for one target from one TFLM tree; `kernels` names a kernel library, by default
    that of the tree's generation.
    """

    target: Target
    tflm: TflmSource
    kernels: str | None = None
    optimization: tuple[str, ...] = DEFAULT_OPTIMIZATION
    cache: Cache = field(default_factory=Cache)

    def build(self, model: ModelInfo, on_progress: Progress | None = None) -> Image:
        """The image of `model`, from the cache when nothing that goes into it has changed.

        Raises BuildError, UnsupportedModel when it does not fit the target.
        """
        try:
            folder = self.stages.image(model, self.manifest(model), on_progress)
        except BuildError as error:
            overflow = overflow_in(error.detail, model, self.target)
            if overflow is None:
                raise
            raise overflow from error
        image = read_image(folder / "image.elf")
        self.code_sizes.learn(image, additions(model, self.tflm))
        return image

    @cached_property
    def library(self) -> KernelLibrary:
        """The kernel library in use. Raises ConfigError, BuildError."""
        return self.tflm.library(self.kernels)

    def limits(self) -> Limits:
        """What the target and the tree offer to a model."""
        return replace(
            self.tflm.limits(self.target, self.library.name), code_bytes=self._code_bytes
        )

    @cached_property
    def code_sizes(self) -> CodeSizes:
        """What images that were built here show of the size of code. Raises BuildError."""
        context = {
            "hil": __version__,
            "generation": self.tflm.generation.name,
            "origin": self.tflm.origin,
            "kernels": self.library.name,
            "compiler": self.toolchain.version,
            "optimization": self.optimization,
            "cpu": cpu_flags(self.target),
            "port": self.target.mcu.port,
        }
        return CodeSizes(self.cache, self.tflm, self.library, context)

    def code_estimate(self, model: ModelInfo) -> CodeEstimate | None:
        """The code of the model's image, by images that were built here; None without any, or
        where the tree lacks an operator. Raises BuildError when there is no compiler.
        """
        if any(name not in self.tflm.operators for name in model.operator_names):
            return None
        return self.code_sizes.estimate(additions(model, self.tflm))

    def _code_bytes(self, model: ModelInfo) -> int | None:
        try:
            estimate = self.code_estimate(model)
        except BuildError:  # without a compiler nothing was built
            return None
        return None if estimate is None else estimate.total_bytes

    @cached_property
    def toolchain(self) -> Toolchain:
        """The compiler in use."""
        return find_toolchain()

    @cached_property
    def stages(self) -> Stages:
        """What builds them."""
        harness, port = firmware_harness_dir(), self.target.mcu.port

        def link_flags(config: Path) -> list[str]:
            script = harness / "ports" / port / "sections.ld"
            return ["-nostartfiles", "--specs=nano.specs", f"-Wl,-L{config}", f"-Wl,-T{script}"]

        platform = Platform(
            prefix="",
            port=port,
            compiler=self.toolchain.version,
            config={
                "target_config.h": config_header(self.target),
                "memory.ld": memory_script(self.target),
            },
            definitions={
                "CMAKE_TOOLCHAIN_FILE": harness / "cmake" / "arm-none-eabi.cmake",
                "HIL_CPU_FLAGS": cpu_flags(self.target),
            },
            link_flags=link_flags,
        )
        return Stages(platform, self.tflm, self.library, self.optimization, self.cache)

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
            "kernels": self.library.name,
            "tflm": {
                "generation": self.tflm.generation.name,
                "origin": self.tflm.origin,
                "digest": self.tflm.digest,
            },
            "harness_digest": self.stages.harness_digest,
            "toolchain": self.toolchain.version,
            "flags": [*cpu_flags(self.target), *self.optimization],
        }
