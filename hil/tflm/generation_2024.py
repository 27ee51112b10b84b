"""Generation 2024: TFLM of spring 2024 with CMSIS-NN, as in the crate `pico-tflmicro-sys` 0.1.0.

The resolver has a method for each operator and does not look at versions; kernels see evaluation
tensors; `DebugLog` gets a format and its arguments.
"""

from __future__ import annotations

from hil.tflm.generation import KERNELS, MICRO, Addition, Generation, Operator
from hil.tflm.kernels import CMSIS_NN, CMSIS_NN_DEFINES, REFERENCE, KernelLibrary
from hil.tflm.operators import read_resolver
from hil.tflm.rules_2024 import RULES

_LITE = "tensorflow/lite"
_THIRD_PARTY = "third_party"


def _addition(operator: Operator, suffix: str) -> Addition:
    register = operator.registrations[suffix]
    argument = f"tflite::{register}()" if suffix else ""
    return Addition(operator, f"resolver.{operator.method}({argument})", register)


GENERATION_2024 = Generation(
    name="2024",
    title="2024 (spring 2024)",
    compat="generation_2024",
    standard=17,
    core_sources=(
        f"{MICRO}/*.cpp",
        f"{MICRO}/arena_allocator/*.cpp",
        f"{MICRO}/memory_planner/*.cpp",
        f"{MICRO}/tflite_bridge/*.cpp",
        f"{_LITE}/core/**/*.cpp",
        f"{_LITE}/kernels/**/*.cpp",
        f"{_LITE}/schema/*.cpp",
    ),
    optional_sources=(
        f"{_LITE}/core/api/tensor_utils.cpp",
        f"{_LITE}/kernels/internal/**/*tensor_utils.cpp",
        f"{_LITE}/kernels/internal/reference/comparisons.cpp",
    ),
    kernel_sources=(f"{KERNELS}/*.cpp", "signal/**/*.cpp"),
    # Tests, what the harness has itself, and what only tools of the tree use.
    left_out=r".*_test|test_helpers|test_helper_custom_ops|debug_log|system_setup|micro_time"
    r"|fake_micro_context|mock_micro_graph|kernel_runner|recording_.*|micro_profiler",
    include_dirs=(
        ".",
        f"{_THIRD_PARTY}/flatbuffers/include",
        f"{_THIRD_PARTY}/gemmlowp",
        f"{_THIRD_PARTY}/ruy",
        f"{_THIRD_PARTY}/kissfft",
        f"{_THIRD_PARTY}/cmsis/CMSIS/Core/Include",
        f"{_THIRD_PARTY}/cmsis_nn",
        f"{_THIRD_PARTY}/cmsis_nn/Include",
    ),
    # Without ARDUINO kernel_util.h does not compile.
    defines=(
        "TF_LITE_STATIC_MEMORY",
        "TF_LITE_MCU_DEBUG_LOG",
        "TF_LITE_DISABLE_X86_NEON",
        "ARDUINO",
    ),
    libraries=(
        KernelLibrary(
            CMSIS_NN,
            folder=CMSIS_NN,
            defines=CMSIS_NN_DEFINES,
            extra_sources=(f"{_THIRD_PARTY}/cmsis_nn/Source/**/*.c",),
        ),
        # Ten operators exist as CMSIS-NN kernels only.
        KernelLibrary(REFERENCE, own_sources="generation_2024/reference"),
    ),
    rules=RULES,
    read_operators=read_resolver,
    addition=_addition,
    # One file of the tree includes the SDK of the Pico.
    stub_dirs=("generation_2024/stubs",),
    prelude="tflm_prelude.h",
    harness_sources=("format.cc",),
)
