"""Finds out of which generation the TFLM tree in a folder is, and whether it can be built."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hil.errors import ConfigError
from hil.tflm.generation import MICRO, Generation
from hil.tflm.generation_2020 import GENERATION_2020
from hil.tflm.generation_2020 import MARK as MARK_2020
from hil.tflm.generation_2024 import GENERATION_2024
from hil.tflm.generation_modern import modern_generation
from hil.tflm.marks import DOWNLOADS, NEW_ALLOCATOR, Layout, Marks, read_marks
from hil.tflm.third_party import Problem, ThirdParty, read_third_party

# Where the tree may be below a folder that was named: itself, an Arduino or Pico library, a crate.
ROOTS = (".", "src", "submodules/pico-tflmicro/src", "submodules/tensorflow")
XMOS_MARK = "namespace tflite_micro"
STANDALONE_MARK = MICRO / "c/common.h"
# What the pinned tree of 2024 says about itself: one that says the same, wherever it lies, is of
# its generation.
MARKS_2024 = Marks(
    layout=Layout.PICO,
    suffix=".cpp",
    third_party="third_party",
    registration="TFLMRegistration",
    log_takes_format=True,
    vsnprintf="DebugVsnprintf",
    takes_reporter=False,
    allocator=NEW_ALLOCATOR,
    has_profiler_interface=True,
    has_abstract_context=True,
    has_resource_variables=True,
    has_all_ops_resolver=False,
    has_signal=True,
    schema="tensorflow/lite",
    optimized="cmsis_nn",
    has_reference=False,
    dense_per_channel=False,
    is_for_arduino=True,
    wants_pico_sdk=True,
)


@dataclass(frozen=True)
class Detected:
    """A tree that was recognised. `marks` is None for generation 2020; with `problems` it cannot be
    built as it is.
    """

    root: Path
    generation: Generation
    marks: Marks | None = None
    problems: tuple[Problem, ...] = ()

    def require_usable(self) -> None:
        """Raises ConfigError that names all problems."""
        if self.problems:
            raise ConfigError(
                f"the TFLM in {self.root} cannot be built:\n  "
                + "\n  ".join(problem.what for problem in self.problems),
                hint="\n  ".join(dict.fromkeys(problem.remedy for problem in self.problems)),
            )


def detect_tree(folder: Path) -> Detected:
    """The tree in `folder`, in one of the ways that trees are laid out.

    Raises ConfigError when there is none, or one of a kind that hil does not take.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"there is no folder {str(folder)!r}",
            hint="give the path of a TFLM tree, or one of the generations 2024 and 2020",
        )
    root = next((folder / each for each in ROOTS if (folder / each / MICRO).is_dir()), None)
    if root is None:
        raise ConfigError(
            f"{folder} holds no TFLM: there is no {MICRO} in it",
            hint="name the folder that holds tensorflow/, or src/tensorflow/",
        )
    root = root.resolve()
    _refuse_relatives(root)
    if (root / MARK_2020).is_file():
        return Detected(root, GENERATION_2020, problems=_problems_2020(root))
    marks = read_marks(root)
    if marks is None:
        raise ConfigError(
            f"the TFLM in {root} is of no generation that hil knows",
            hint=f"it has neither {MARK_2020}, as in 2020, nor {MICRO}/ with micro_interpreter, "
            "FindOp in micro_op_resolver.h and DebugLog in debug_log.h, as since 2021",
        )
    found = read_third_party(root, marks)
    problems = (*found.problems, *_without_kernels(marks, found))
    if replace(marks, layout=MARKS_2024.layout) == MARKS_2024:
        return Detected(root, GENERATION_2024, marks, problems)
    generation = modern_generation(marks, found.include_dirs, found.libraries)
    return Detected(root, generation, marks, problems)


def _refuse_relatives(root: Path) -> None:
    """Raises ConfigError for trees that look like TFLM's and have another API."""
    take = "take a checkout or a generated tree of tflite-micro, or --hil-tflm 2024"
    header = root / MICRO / "micro_interpreter.h"
    if header.is_file() and XMOS_MARK in header.read_text(encoding="utf-8", errors="replace"):
        raise ConfigError(
            f"the TFLM in {root} is the fork of XMOS: its classes are in {XMOS_MARK}",
            hint=f"its kernels are for xcore; {take}",
        )
    if (root / STANDALONE_MARK).is_file():
        raise ConfigError(
            f"the TFLM in {root} is 'standalone TFLM' of 2026: it has {STANDALONE_MARK}",
            hint=f"hil does not know its API yet; {take}",
        )


def _problems_2020(root: Path) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            f"{DOWNLOADS} lacks {name}",
            "run in the checkout: make -f tensorflow/lite/micro/tools/make/Makefile "
            "third_party_downloads",
        )
        for name in ("flatbuffers", "gemmlowp", "ruy")
        if not (root / DOWNLOADS / name).is_dir()
    )


def _without_kernels(marks: Marks, found: ThirdParty) -> tuple[Problem, ...]:
    """A tree without any whole kernel library, of which nothing else says why."""
    if found.libraries or found.problems:
        return ()
    return (Problem(f"it has neither kernels/{marks.optimized} nor all reference kernels", ""),)
