"""Generation modern: any tree since 2021 that is not the pinned one of 2024, as its marks say.

What differs between such trees is decided by files and declarations: here for sources, includes and
flags, in `tflm_compat.h` by the types that the tree's headers declare.
"""

from __future__ import annotations

from dataclasses import replace

from hil.model.rule import Case, Finding, RuleSet
from hil.tflm.generation import KERNELS, MICRO, Generation
from hil.tflm.generation_2024 import GENERATION_2024
from hil.tflm.kernels import KernelLibrary
from hil.tflm.marks import Marks
from hil.tflm.rules_2024 import RULES
from hil.tflm.rules_2024_convolution import per_channel_dense

MODERN = "modern"
_LITE = "tensorflow/lite"
# Tests and their data, what the harness has itself, and what only tools of the tree use.
_LEFT_OUT = (
    r".*_test|.*_test_common|.*_test_data|.*generated_data|.*_benchmark.*|test_helper.*|debug_log"
    r"|system_setup|micro_time|fake_micro_context|mock_micro_graph|kernel_runner|recording_.*"
    r"|all_ops_resolver"
)
_DENSE = "FULLY_CONNECTED"
_PER_TENSOR = (
    "hil model convert FILE.tflite --per-tensor-dense rewrites its weights; the pinned TFLM runs "
    "it: --hil-tflm 2024 --hil-kernels reference"
)


def modern_generation(
    marks: Marks, include_dirs: tuple[str, ...], libraries: tuple[KernelLibrary, ...]
) -> Generation:
    """The generation of a tree with these marks, include folders and kernel libraries."""
    suffix = marks.suffix
    defines = [
        "TF_LITE_STATIC_MEMORY",
        "TF_LITE_MCU_DEBUG_LOG",
        "TF_LITE_DISABLE_X86_NEON",
        # The C library of a microcontroller has no locales.
        "FLATBUFFERS_LOCALE_INDEPENDENT=0",
    ]
    if marks.is_for_arduino:  # kernel_util.h does not compile without
        defines.append("ARDUINO")
    if marks.log_takes_format:
        defines.append("HIL_TFLM_LOG_FORMAT")
    if marks.vsnprintf is not None:
        defines.append(f"HIL_TFLM_VSNPRINTF={marks.vsnprintf}")
    left_out = f"{_LEFT_OUT}|micro_profiler" if marks.has_profiler_interface else _LEFT_OUT
    return Generation(
        name=MODERN,
        title=f"of your own ({marks.layout.value}, {marks.registration})",
        compat="generation_modern",
        standard=17,
        core_sources=(
            f"{MICRO}/*{suffix}",
            f"{MICRO}/arena_allocator/*{suffix}",
            f"{MICRO}/memory_planner/*{suffix}",
            f"{MICRO}/tflite_bridge/*{suffix}",
            # The tree's C++ suffix or .c: it changed for single files.
            f"{_LITE}/c/*",
            f"{_LITE}/core/*/*",
            f"{_LITE}/kernels/*{suffix}",
            f"{_LITE}/kernels/internal/*{suffix}",
            f"{_LITE}/kernels/internal/*/*{suffix}",
            f"{_LITE}/schema/*{suffix}",
            f"tensorflow/compiler/mlir/lite/**/*{suffix}",
        ),
        kernel_sources=(
            f"{KERNELS}/*{suffix}",
            f"signal/micro/kernels/*{suffix}",
            f"signal/src/*{suffix}",
            f"signal/src/kiss_fft_wrappers/*{suffix}",
        ),
        left_out=left_out,
        include_dirs=include_dirs,
        defines=tuple(defines),
        libraries=libraries,
        rules=_rules(marks),
        read_operators=GENERATION_2024.read_operators,
        addition=GENERATION_2024.addition,
        stub_dirs=GENERATION_2024.stub_dirs if marks.wants_pico_sdk else (),
        prelude="tflm_prelude.h",
        harness_sources=("format.cc",) if marks.log_takes_format else (),
    )


def _rules(marks: Marks) -> RuleSet:
    """Those of the 2024 tree, the nearest that was read. The tree's own FULLY_CONNECTED takes the
    place of hil's reference kernel, so what it does with channels is read from the tree.
    """
    dense = [rule for rule in RULES.own[_DENSE] if rule is not per_channel_dense]
    if not marks.dense_per_channel:
        dense.append(_first_scale_for_all_channels)
    return replace(RULES, own={**RULES.own, _DENSE: tuple(dense)})


def _first_scale_for_all_channels(case: Case) -> Finding | None:
    """Whatever the kernel library: the 2024 rule spares hil's own reference kernel."""
    found = per_channel_dense(replace(case, kernels=""))
    return replace(found, remedy=_PER_TENSOR) if found is not None else None
