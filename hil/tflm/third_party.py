"""What a TFLM tree needs besides its own sources: where it is, and what brings it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hil.tflm.cmsis_nn import api_mismatches
from hil.tflm.kernels import CMSIS_NN, CMSIS_NN_DEFINES, REFERENCE, KernelLibrary
from hil.tflm.marks import MAKEFILE, Layout, Marks

# Folder below third_party/ or downloads/, include folder in it, and a header that must be there.
_ALWAYS = (
    ("flatbuffers", "include", "include/flatbuffers/flatbuffers.h"),
    ("gemmlowp", ".", "fixedpoint/fixedpoint.h"),
    ("ruy", ".", "ruy/profiler/instrumentation.h"),
)
_KISSFFT = ("kissfft", ".", "kiss_fft.h")
# CMSIS-NN on its own since late 2022, inside CMSIS 5 before.
_OWN, _IN_CMSIS_5 = "cmsis_nn", "cmsis/CMSIS/NN"
_NN_HEADER = "Include/arm_nnfunctions.h"
_CORE = ("cmsis/CMSIS/Core/Include", "cmsis/Core/Include")
_DSP = "cmsis/CMSIS/DSP/Include"
_MAKE = f"make -f {MAKEFILE}"
_CMSIS_OPTIONS = "TARGET=cortex_m_generic TARGET_ARCH=cortex-m7 OPTIMIZED_KERNEL_DIR=cmsis_nn"
_GENERATOR = "tensorflow/lite/micro/tools/project_generation/create_tflm_tree.py"


@dataclass(frozen=True)
class Problem:
    """Why a tree cannot be used as it is, and which command of its own project mends that."""

    what: str
    remedy: str


@dataclass(frozen=True)
class ThirdParty:
    """What is there. `include_dirs` are relative to the tree's root, for the compiler;
    `problems` keep the tree from being built.
    """

    include_dirs: tuple[str, ...]
    libraries: tuple[KernelLibrary, ...]
    problems: tuple[Problem, ...]


def read_third_party(root: Path, marks: Marks) -> ThirdParty:
    """Finds what the tree in `root` needs, and the kernel libraries that it makes possible."""
    base = marks.third_party
    parts = (*_ALWAYS, _KISSFFT) if marks.has_signal else _ALWAYS
    problems = [
        Problem(f"{base} lacks {name}/{header}", _bring(marks, _downloads(marks)))
        for name, _, header in parts
        if not (root / base / name / header).is_file()
    ]
    include_dirs = [".", *(str(Path(base, name, folder)) for name, folder, _ in parts)]
    libraries = []
    if marks.optimized is not None:
        found = _cmsis(root, marks)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            folders, library, headers = found
            include_dirs += folders
            libraries.append(library)
            problems += [
                Problem(f"kernels and CMSIS-NN are of different APIs: {each}", _renew(marks))
                for each in api_mismatches(root, marks.optimized, headers, include_dirs)
            ]
    if marks.has_reference:
        libraries.append(KernelLibrary(REFERENCE))
    return ThirdParty(tuple(include_dirs), tuple(libraries), tuple(problems))


def _cmsis(root: Path, marks: Marks) -> tuple[list[str], KernelLibrary, list[Path]] | Problem:
    """Include folders, the library, and the headers that declare it."""
    assert marks.optimized is not None
    base = marks.third_party
    core = next((f"{base}/{each}" for each in _CORE if (root / base / each).is_dir()), None)
    home = next((h for h in (_OWN, _IN_CMSIS_5) if (root / base / h / _NN_HEADER).is_file()), None)
    if core is None or home is None:
        lacks = f"{_OWN}/{_NN_HEADER}" if home is None else _CORE[0]
        return Problem(
            f"{base} lacks {lacks}, which kernels/{marks.optimized} needs",
            _bring(marks, f"{_CMSIS_OPTIONS} {_downloads(marks)}"),
        )
    folders = [f"{base}/cmsis", core, f"{base}/{home}", f"{base}/{home}/Include"]
    if home == _IN_CMSIS_5:
        folders.append(f"{base}/{_DSP}")
    library = KernelLibrary(
        CMSIS_NN,
        folder=marks.optimized,
        defines=CMSIS_NN_DEFINES,
        extra_sources=(f"{base}/{home}/Source/**/*.c",),
    )
    return folders, library, sorted((root / base / home / "Include").rglob("*.h"))


def _downloads(marks: Marks) -> str:
    return "third_party_downloads" if marks.layout is Layout.CHECKOUT else ""


def _bring(marks: Marks, arguments: str) -> str:
    """The command of the tree's own project that brings what is missing."""
    if marks.layout is Layout.CHECKOUT:
        return f"run in the checkout: {_MAKE} {arguments}"
    return (
        "generate the tree again in a checkout of tflite-micro: "
        f'python3 {_GENERATOR} --makefile_options="{_CMSIS_OPTIONS}" OUT'
    )


def _renew(marks: Marks) -> str:
    if marks.layout is Layout.CHECKOUT:
        return f"remove {marks.third_party}/cmsis_nn and /cmsis, then " + _bring(
            marks, f"{_CMSIS_OPTIONS} third_party_downloads"
        )
    return _bring(marks, "")
