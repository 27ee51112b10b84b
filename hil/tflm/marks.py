"""Marks of a TFLM tree: what its files and declarations say about its API and its layout.

A tree is told by what stands in it, not by its age: trees are generated, merged and patched, and
the changes below did not come in one step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hil.tflm.generation import KERNELS, MICRO
from hil.tflm.operators import without_comments

MAKEFILE = MICRO / "tools/make/Makefile"
DOWNLOADS = f"{MICRO}/tools/make/downloads"
THIRD_PARTY = "third_party"
SIGNAL = "signal/micro/kernels"
COMPILER_SCHEMA = "tensorflow/compiler/mlir/lite"
# Folders of CMSIS-NN kernels below kernels/: the name until 2021 last.
CMSIS_FOLDERS = ("cmsis_nn", "cmsis-nn")
NEW_ALLOCATOR, OLD_ALLOCATOR = "SingleArenaBufferAllocator", "SimpleMemoryAllocator"

_FIND_OP = re.compile(r"const\s+(\w+)\s*\*\s*FindOp\s*\(")
_LOG = re.compile(r"\bvoid\s+DebugLog\s*\((?P<parameters>[^)]*)\)")
_VSNPRINTF = re.compile(r"\bint\s+(\w*[Vv]snprintf)\s*\(")
_CONSTRUCTOR = re.compile(r"\bMicroInterpreter\s*\((?P<parameters>[^)]*)\)")
_STRING_UNLESS_ARDUINO = re.compile(r"#ifndef ARDUINO\s*\n\s*#include <string>")
_PICO_SDK = re.compile(r'^\s*#\s*include\s+["<]pico/', re.M)


class Layout(StrEnum):
    """How a tree is laid out."""

    CHECKOUT = "checkout"
    GENERATED = "generated tree"
    ARDUINO = "Arduino library"
    PICO = "Pico library"


@dataclass(frozen=True)
class Marks:
    """What a tree since 2021 says about itself.

    `suffix` is that of its C++ files, `third_party` the folder of what it needs. `registration` is
    the struct that `FindOp` gives, `log_takes_format` whether `DebugLog` formats, `vsnprintf` the
    function that the harness has to define for the tree, if any. `takes_reporter` tells whether the
    interpreter's constructor names an ErrorReporter. `schema` is the folder of the schema's
    sources, `optimized` that of the CMSIS-NN kernels below `kernels/`, if there are any;
    `has_reference` tells whether each of those has its reference kernel, `dense_per_channel`
    whether FULLY_CONNECTED uses a scale for each channel.
    """

    layout: Layout
    suffix: str
    third_party: str
    registration: str
    log_takes_format: bool
    vsnprintf: str | None
    takes_reporter: bool
    allocator: str
    has_profiler_interface: bool
    has_abstract_context: bool
    has_resource_variables: bool
    has_all_ops_resolver: bool
    has_signal: bool
    schema: str
    optimized: str | None
    has_reference: bool
    dense_per_channel: bool
    is_for_arduino: bool
    wants_pico_sdk: bool

    def lines(self) -> list[str]:
        """The marks for people."""
        sink = "format and va_list" if self.log_takes_format else "finished text"
        reporter = "with" if self.takes_reporter else "without"
        has = {
            "MicroProfilerInterface": self.has_profiler_interface,
            "micro_interpreter_context.h": self.has_abstract_context,
            "resource variables": self.has_resource_variables,
            "AllOpsResolver": self.has_all_ops_resolver,
            "signal operators": self.has_signal,
        }
        return [
            f"{self.layout.value}, {self.suffix} files, {self.third_party}/",
            f"{self.registration}; DebugLog takes {sink}; interpreter {reporter} ErrorReporter",
            f"{self.allocator}; schema in {self.schema}",
            "; ".join(name if there else f"no {name}" for name, there in has.items()),
        ]


def read_marks(root: Path) -> Marks | None:
    """The marks of the tree in `root`; None when it lacks a declaration that all trees have."""
    micro = root / MICRO
    found_op = _FIND_OP.search(_text(micro / "micro_op_resolver.h"))
    log = _LOG.search(_text(micro / "debug_log.h"))
    suffix = next((s for s in (".cc", ".cpp") if (micro / f"micro_interpreter{s}").is_file()), None)
    if found_op is None or log is None or suffix is None:
        return None
    vsnprintf = _VSNPRINTF.search(_text(micro / "debug_log.h"))
    constructors = _CONSTRUCTOR.finditer(_text(micro / "micro_interpreter.h"))
    optimized = next((f for f in CMSIS_FOLDERS if (root / KERNELS / f).is_dir()), None)
    layout = _layout(root)
    third_party = DOWNLOADS if layout is Layout.CHECKOUT else THIRD_PARTY
    kernel_util = _raw(root / "tensorflow/lite/kernels/kernel_util.h")
    is_new = (micro / "arena_allocator/single_arena_buffer_allocator.h").is_file()
    return Marks(
        layout=layout,
        suffix=suffix,
        third_party=third_party,
        registration=found_op[1],
        log_takes_format="va_list" in log["parameters"],
        vsnprintf=vsnprintf[1] if vsnprintf else None,
        takes_reporter=any("ErrorReporter" in each["parameters"] for each in constructors),
        allocator=NEW_ALLOCATOR if is_new else OLD_ALLOCATOR,
        has_profiler_interface=(micro / "micro_profiler_interface.h").is_file(),
        has_abstract_context=(micro / "micro_interpreter_context.h").is_file(),
        has_resource_variables=(micro / "micro_resource_variable.h").is_file(),
        has_all_ops_resolver=(micro / "all_ops_resolver.h").is_file(),
        has_signal=(root / SIGNAL).is_dir(),
        schema=COMPILER_SCHEMA if (root / COMPILER_SCHEMA).is_dir() else "tensorflow/lite",
        optimized=optimized,
        has_reference=_has_reference(root / KERNELS, optimized, suffix),
        dense_per_channel=_is_dense_per_channel(root / KERNELS),
        is_for_arduino=bool(_STRING_UNLESS_ARDUINO.search(kernel_util)),
        wants_pico_sdk=_wants_pico_sdk(root / third_party),
    )


def _layout(root: Path) -> Layout:
    if (root / MAKEFILE).is_file():
        return Layout.CHECKOUT
    if (root.parent / "library.properties").is_file():
        return Layout.ARDUINO
    if (root.parent / "pico_sdk_import.cmake").is_file():
        return Layout.PICO
    return Layout.GENERATED


def _has_reference(kernels: Path, optimized: str | None, suffix: str) -> bool:
    folder = kernels / optimized if optimized is not None else kernels
    return all((kernels / path.name).is_file() for path in folder.glob(f"*{suffix}"))


def _is_dense_per_channel(kernels: Path) -> bool:
    """Whether what FULLY_CONNECTED keeps from Prepare to Invoke has scales for channels."""
    return "per_channel" in _text(kernels / "fully_connected.h")


def _wants_pico_sdk(third_party: Path) -> bool:
    return any(_PICO_SDK.search(_raw(path)) for path in third_party.glob("cmsis_nn/Source/*/*.c"))


def _raw(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _text(path: Path) -> str:
    return without_comments(_raw(path))
