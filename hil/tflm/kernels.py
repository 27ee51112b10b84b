"""Kernel libraries: who computes the operators of a TFLM tree."""

from __future__ import annotations

from dataclasses import dataclass

REFERENCE = "reference"
PORTABLE_OPTIMIZED = "portable_optimized"
CMSIS_NN = "cmsis_nn"
# As the makefiles of tflite-micro set them. Without the second one TRANSPOSE_CONV refuses int8 at
# Invoke.
CMSIS_NN_DEFINES = ("CMSIS_NN", "KERNELS_OPTIMIZED_FOR_SPEED")


@dataclass(frozen=True)
class KernelLibrary:
    """One choice of implementations for a tree's operators.

    `folder` is the folder of optimized kernels below `tensorflow/lite/micro/kernels`: its files
    replace those of the same name; None for the kernels of the tree's own folder. `own_sources` is
    a folder of registrations of our own below `firmware_harness/tflm`. `defines` are for kernels
    and the resolver, `extra_sources` are glob patterns below the tree's root.
    """

    name: str
    folder: str | None = None
    own_sources: str | None = None
    defines: tuple[str, ...] = ()
    extra_sources: tuple[str, ...] = ()


# All names, in the order of reports: what products ship first.
NAMES = (CMSIS_NN, REFERENCE, PORTABLE_OPTIMIZED)
# Libraries that a single generation has.
ONLY_IN = {CMSIS_NN: "2024", PORTABLE_OPTIMIZED: "2020"}


def library_rank(name: str) -> int:
    """Where a kernel library stands among others in reports; one that is not known stands last."""
    return NAMES.index(name) if name in NAMES else len(NAMES)
