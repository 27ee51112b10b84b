"""A generation of TensorFlow Lite Micro: what one span of its history has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.errors import ConfigError
from hil.model.rule import RuleSet
from hil.tflm.kernels import ONLY_IN, KernelLibrary

MICRO = Path("tensorflow/lite/micro")
KERNELS = MICRO / "kernels"


@dataclass(frozen=True)
class Operator:
    """An operator that a tree has kernels for.

    `registrations` maps a suffix of types, as in "INT8", to the registration function for just
    these; "" is the one for all types. `method` is the resolver's method that adds it, "" where the
    tree has a single one for all. `highest_version` is the highest one that the tree's own table
    registers, None where the tree does not look at versions.
    """

    name: str
    registrations: Mapping[str, str]
    method: str = ""
    is_custom: bool = False
    highest_version: int | None = None


@dataclass(frozen=True)
class Addition:
    """How a model's resolver gets one operator: a C++ expression on `resolver` that is kTfLiteOk,
    and the registration function that it calls, without its namespace.
    """

    operator: Operator
    expression: str
    registration: str


@dataclass(frozen=True)
class Generation:
    """What is common to all trees of one API.

    `compat` is the folder of `tflm_compat.h` below `firmware_harness/tflm`. All other paths are
    below the tree's root. `core_sources` are glob patterns of files outside the kernels. They are
    always compiled, but for those in `optional_sources`: these and `kernel_sources` are compiled
    when a model needs them (all at once if `compiles_all`); `left_out` matches file names that
    never are. `include_dirs`, and `stub_dirs` below `firmware_harness/tflm`, go to the compiler in
    that order. `prelude` is a header in `compat` that every C++ file of the tree gets first,
    `harness_sources` are files of `firmware_harness/src` that only some generations need,
    `resolver_headers` declare what an Addition's expression names. The first of `libraries` is the
    default.
    """

    name: str
    title: str
    compat: str
    standard: int
    core_sources: tuple[str, ...]
    kernel_sources: tuple[str, ...]
    left_out: str
    include_dirs: tuple[str, ...]
    defines: tuple[str, ...]
    libraries: tuple[KernelLibrary, ...]
    rules: RuleSet
    read_operators: Callable[[Path], Mapping[str, Operator]]
    addition: Callable[[Operator, str], Addition]
    optional_sources: tuple[str, ...] = ()
    resolver_headers: tuple[str, ...] = (f"{MICRO}/micro_mutable_op_resolver.h",)
    stub_dirs: tuple[str, ...] = ()
    harness_sources: tuple[str, ...] = ()
    compiles_all: bool = False
    prelude: str | None = None

    @property
    def default_library(self) -> KernelLibrary:
        """The kernel library in use when none is asked for."""
        return self.libraries[0]

    def library_or_default(self, name: str | None) -> KernelLibrary:
        """The kernel library of that name, the default one without a name. Raises ConfigError."""
        return self.default_library if name is None else self.library(name)

    def library(self, name: str) -> KernelLibrary:
        """The kernel library of that name. Raises ConfigError."""
        for library in self.libraries:
            if library.name == name:
                return library
        hint = f"it has {', '.join(library.name for library in self.libraries)}"
        if name in ONLY_IN:
            hint += f"; {name} is in TFLM {ONLY_IN[name]}"
        raise ConfigError(f"TFLM {self.title} has no kernel library {name!r}", hint=hint)
