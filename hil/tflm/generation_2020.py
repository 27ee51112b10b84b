"""Generation 2020: TensorFlow 2.3 to mid-2020, as in the crate `tfmicro` 0.1.0.

Its mark is `micro/kernels/all_ops_resolver.h`. The interpreter takes an error reporter, the
resolver has one `AddBuiltin` with versions, and `DebugLog` takes a finished string.
"""

from __future__ import annotations

from hil.tflm.generation import KERNELS, MICRO, Addition, Generation, Operator
from hil.tflm.kernels import PORTABLE_OPTIMIZED, REFERENCE, KernelLibrary
from hil.tflm.operators import read_resolver_table
from hil.tflm.rules_2020 import RULES

MARK = KERNELS / "all_ops_resolver.h"
_LITE = "tensorflow/lite"
_DOWNLOADS = f"{MICRO}/tools/make/downloads"


def _addition(operator: Operator, suffix: str) -> Addition:
    """The registration is for any version: the kernels do not look at it, and preflight has checked
    that the versions in the model mean what these kernels do.
    """
    register = operator.registrations[suffix]
    return Addition(
        operator,
        f"resolver.AddBuiltin(tflite::BuiltinOperator_{operator.name}, "
        f"tflite::ops::micro::{register}(), tflite::MicroOpResolverAnyVersion())",
        register,
    )


GENERATION_2020 = Generation(
    name="2020",
    title="2020 (TensorFlow 2.3)",
    compat="generation_2020",
    standard=11,
    core_sources=(
        f"{MICRO}/*.cc",
        f"{MICRO}/memory_planner/*.cc",
        f"{_LITE}/c/common.c",
        f"{_LITE}/core/api/error_reporter.cc",
        f"{_LITE}/core/api/flatbuffer_conversions.cc",
        f"{_LITE}/core/api/op_resolver.cc",
        f"{_LITE}/core/api/tensor_utils.cc",
        f"{_LITE}/kernels/internal/quantization_util.cc",
        f"{_LITE}/kernels/kernel_util.cc",
    ),
    kernel_sources=(f"{KERNELS}/*.cc",),
    left_out=r".*_test|test_helpers|debug_log|micro_optional_debug_tools",
    include_dirs=(
        ".",
        _DOWNLOADS,
        f"{_DOWNLOADS}/gemmlowp",
        f"{_DOWNLOADS}/ruy",
        f"{_DOWNLOADS}/flatbuffers/include",
    ),
    defines=(
        "TF_LITE_STATIC_MEMORY",
        "TF_LITE_MCU_DEBUG_LOG",
        "GEMMLOWP_ALLOW_SLOW_SCALAR_FALLBACK",
    ),
    libraries=(
        KernelLibrary(REFERENCE),
        KernelLibrary(PORTABLE_OPTIMIZED, folder=PORTABLE_OPTIMIZED),
    ),
    rules=RULES,
    read_operators=read_resolver_table,
    addition=_addition,
    resolver_headers=(
        f"{MICRO}/micro_mutable_op_resolver.h",
        f"{KERNELS}/micro_ops.h",
    ),
    # 53 small files: compiling them all takes half a minute.
    compiles_all=True,
)
