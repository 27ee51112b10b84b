"""Trees with TFLM's names and signatures of certain times, and nothing behind them.

They stand for trees that cannot be had here: detection, file lists and flags are told from them,
and the harness's own files are compiled against their headers. All text is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MICRO = "tensorflow/lite/micro"
DOWNLOADS = f"{MICRO}/tools/make/downloads"


@dataclass(frozen=True)
class StubTree:
    """What a stub tree looks like. `reporter` says how the constructor takes an ErrorReporter:
    "required", "optional" (another constructor does without) or "none".
    """

    name: str
    is_checkout: bool = True
    suffix: str = ".cc"
    reporter: str = "none"
    reporter_folder: str = "tflite_bridge/"
    has_resource_variables: bool = True
    allocator: str = "SingleArenaBufferAllocator"
    allocator_header: str = "arena_allocator/single_arena_buffer_allocator.h"
    registration: str = "TFLMRegistration"
    has_version_in_find_op: bool = False
    log: str = "const char* format, va_list args"
    vsnprintf: str | None = None
    ticks: str = "uint32_t"
    has_interface: bool = True
    has_signal: bool = True
    schema_in_compiler: bool = False
    cmsis_in_own_folder: bool = True
    dense_per_channel: bool = False

    @property
    def third_party(self) -> str:
        return DOWNLOADS if self.is_checkout else "third_party"

    def write(self, root: Path) -> Path:
        """Writes the tree into an empty folder and gives that back."""
        for name, text in self.files().items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    def files(self) -> dict[str, str]:
        """Its files, by relative path."""
        files = {
            "tensorflow/lite/c/common.h": self._common(),
            f"tensorflow/lite/c/common{'.c' if self.reporter == 'required' else self.suffix}": "",
            "tensorflow/lite/kernels/kernel_util.h": "#pragma once\n",
            f"tensorflow/lite/kernels/kernel_util{self.suffix}": "",
            f"tensorflow/lite/kernels/internal/quantization_util{self.suffix}": "",
            f"tensorflow/lite/kernels/internal/quantization_util_test{self.suffix}": "",
            f"tensorflow/lite/core/api/tensor_utils{self.suffix}": "",
            **self._schema(),
            **{f"{MICRO}/{name}": text for name, text in self._micro().items()},
            **self._third_party_files(),
        }
        if self.is_checkout:
            files[f"{MICRO}/tools/make/Makefile"] = "all:\n"
            files[f"tensorflow/lite/python/wrapper{self.suffix}"] = "#error not for a device\n"
            files[f"{MICRO}/hello_test{self.suffix}"] = "#error a test\n"
        if self.has_signal:
            files[f"signal/micro/kernels/window{self.suffix}"] = ""
            files[f"signal/src/window{self.suffix}"] = ""
            files["signal/tensorflow_core/ops/window_op.cc"] = "#error not for a device\n"
        return files

    # ---- tensorflow/lite

    def _common(self) -> str:
        return f"""#pragma once
#include <stddef.h>
#include <stdint.h>
typedef enum TfLiteStatus {{ kTfLiteOk = 0, kTfLiteError = 1 }} TfLiteStatus;
typedef enum {{ kTfLiteNoType = 0, kTfLiteResource = 14 }} TfLiteType;
typedef struct TfLiteIntArray {{ int size; int data[1]; }} TfLiteIntArray;
typedef union TfLitePtrUnion {{ char* raw; void* data; }} TfLitePtrUnion;
typedef struct {{ float scale; int32_t zero_point; }} TfLiteQuantizationParams;
typedef struct TfLiteTensor {{
  TfLiteQuantizationParams params;
  TfLitePtrUnion data;
  TfLiteIntArray* dims;
  size_t bytes;
  TfLiteType type;
}} TfLiteTensor;
typedef struct TfLiteEvalTensor {{
  TfLitePtrUnion data;
  TfLiteIntArray* dims;
  TfLiteType type;
}} TfLiteEvalTensor;
typedef struct TfLiteContext {{
  TfLiteEvalTensor* (*GetEvalTensor)(const struct TfLiteContext* context, int index);
}} TfLiteContext;
typedef struct TfLiteNode {{ TfLiteIntArray* inputs; TfLiteIntArray* outputs; }} TfLiteNode;
typedef struct {self.registration} {{
  TfLiteStatus (*prepare)(TfLiteContext* context, TfLiteNode* node);
  TfLiteStatus (*invoke)(TfLiteContext* context, TfLiteNode* node);
}} {self.registration};
"""

    def _schema(self) -> dict[str, str]:
        text = """#pragma once
#include <stdint.h>
namespace flatbuffers {
struct String { const char* c_str() const; };
template <typename T> struct Vector {
  uint32_t size() const;
  T Get(uint32_t index) const;
  const T* begin() const;
  const T* end() const;
};
}
namespace tflite {
enum BuiltinOperator { BuiltinOperator_ADD = 0, BuiltinOperator_CONV_2D = 3,
  BuiltinOperator_FULLY_CONNECTED = 9, BuiltinOperator_CUSTOM = 32,
  BuiltinOperator_MIN = BuiltinOperator_ADD };
struct VarHandleOptions { const flatbuffers::String* shared_name() const; };
struct Operator { const VarHandleOptions* builtin_options_as_VarHandleOptions() const; };
struct SubGraph {
  const flatbuffers::Vector<const Operator*>* operators() const;
  const flatbuffers::Vector<int32_t>* inputs() const;
  const flatbuffers::Vector<int32_t>* outputs() const;
};
struct Model {
  uint32_t version() const;
  const flatbuffers::Vector<const SubGraph*>* subgraphs() const;
};
const Model* GetModel(const void* buffer);
}
"""
        name, source = "schema/schema_generated.h", f"schema/schema_utils{self.suffix}"
        if not self.schema_in_compiler:
            return {f"tensorflow/lite/{name}": text, f"tensorflow/lite/{source}": ""}
        compiler = "tensorflow/compiler/mlir/lite"
        return {
            f"{compiler}/{name}": text,
            f"{compiler}/{source}": "",
            f"{compiler}/core/api/error_reporter{self.suffix}": "",
            f"tensorflow/lite/{name}": f'#include "{compiler}/{name}"\n',
        }

    # ---- tensorflow/lite/micro

    def _micro(self) -> dict[str, str]:
        suffix = self.suffix
        files = {
            "debug_log.h": self._debug_log(),
            "memory_helpers.h": """#pragma once
#include "tensorflow/lite/c/common.h"
namespace tflite {
TfLiteStatus TfLiteEvalTensorByteLength(const TfLiteEvalTensor* tensor, size_t* bytes);
}
""",
            "memory_planner/greedy_memory_planner.h": _in_tflite("class GreedyMemoryPlanner {};"),
            "micro_time.h": _in_tflite(
                f"{self.ticks} ticks_per_second();\n{self.ticks} GetCurrentTimeTicks();"
            ),
            self.allocator_header: self._arena_allocator(),
            "micro_allocator.h": self._allocator(),
            "micro_interpreter.h": self._interpreter(),
            "micro_op_resolver.h": self._op_resolver(),
            "micro_mutable_op_resolver.h": self._mutable_op_resolver(),
            f"micro_interpreter{suffix}": "",
            f"micro_allocator{suffix}": "",
            f"micro_profiler{suffix}": "",
            f"memory_planner/greedy_memory_planner{suffix}": "",
            **{
                f"{name}{suffix}": "#error the harness has its own\n"
                for name in ("debug_log", "micro_time", "system_setup", "test_helpers")
            },
            "kernels/fully_connected.h": "int* per_channel_shift;" * self.dense_per_channel,
            **{f"kernels/{name}{suffix}": "" for name in ("add", "conv", "fully_connected")},
            f"kernels/conv_test{suffix}": "#error a test\n",
            f"kernels/cmsis_nn/conv{suffix}": self._cmsis_kernel(),
        }
        if self.has_resource_variables:
            files["micro_resource_variable.h"] = _in_tflite(
                "class MicroAllocator;\nclass MicroResourceVariables {\n public:\n  static "
                "MicroResourceVariables* Create(MicroAllocator* allocator, int count);\n};"
            )
        if self.reporter != "none":
            files[f"{self.reporter_folder}micro_error_reporter.h"] = _in_tflite(
                "class ErrorReporter {\n public:\n"
                "  virtual int Report(const char* format, va_list args) = 0;\n};\n"
                "class MicroErrorReporter : public ErrorReporter {\n public:\n"
                "  int Report(const char* format, va_list args) override;\n};"
            )
            files["all_ops_resolver.h"] = "#pragma once\n"
            files[f"all_ops_resolver{suffix}"] = "#error needs every kernel\n"
        if self.has_interface:
            files["micro_profiler_interface.h"] = "#pragma once\n"
            files["micro_common.h"] = "#pragma once\n"
            files["micro_interpreter_context.h"] = "#pragma once\n"
        return files

    def _debug_log(self) -> str:
        text = '#pragma once\n#include <stdarg.h>\n#include <stddef.h>\nextern "C" {\n'
        text += f"void DebugLog({self.log});\n"
        if self.vsnprintf is not None:
            text += (
                f"int {self.vsnprintf}(char* buffer, size_t buf_size, const char* format,\n"
                "    va_list vlist);\n"
            )
        return text + "}\n"

    def _arena_allocator(self) -> str:
        return _in_tflite(
            f"class {self.allocator} {{\n public:\n"
            f"  size_t Get{self._head}UsedBytes() const;\n"
            f"  size_t Get{self._tail}UsedBytes() const;\n}};"
        )

    @property
    def _head(self) -> str:
        return "Head" if self.allocator.startswith("Simple") else "NonPersistent"

    @property
    def _tail(self) -> str:
        return "Tail" if self.allocator.startswith("Simple") else "Persistent"

    @property
    def _reporter_include(self) -> str:
        if self.reporter == "none":
            return ""
        return f'#include "{MICRO}/{self.reporter_folder}micro_error_reporter.h"\n'

    def _allocator(self) -> str:
        reporter = ", ErrorReporter* error_reporter" if self.reporter == "required" else ""
        return self._reporter_include + _in_tflite(
            "class MicroAllocator {\n public:\n  static MicroAllocator* Create("
            f"uint8_t* tensor_arena, size_t arena_size{reporter});\n}};"
        )

    def _interpreter(self) -> str:
        variables = "MicroResourceVariables* resource_variables = nullptr"
        lists = {
            "required": ["ErrorReporter* error_reporter", variables],
            "none": [variables],
        }
        forms = [lists["none"], lists["required"]] if self.reporter == "optional" else []
        forms = forms or [lists[self.reporter]]
        constructors = ""
        for form in forms:
            given = [each for each in form if self.has_resource_variables or each != variables]
            for memory in ("uint8_t* tensor_arena, size_t tensor_arena_size", "MicroAllocator* a"):
                parameters = ", ".join(
                    ["const Model* model, const MicroOpResolver& op_resolver", memory, *given]
                )
                constructors += f"  MicroInterpreter({parameters});\n"
        include = f'#include "{MICRO}/micro_resource_variable.h"\n' * self.has_resource_variables
        return (
            self._reporter_include
            + include
            + f'#include "{MICRO}/micro_allocator.h"\n#include "{MICRO}/micro_op_resolver.h"\n'
            + '#include "tensorflow/lite/schema/schema_generated.h"\n'
            + "#define TFLITE_SCHEMA_VERSION (3)\n"
            + _in_tflite(
                f"class MicroInterpreter {{\n public:\n{constructors}"
                "  TfLiteStatus AllocateTensors();\n  TfLiteStatus Invoke();\n"
                "  TfLiteStatus initialization_status() const;\n"
                "  size_t inputs_size() const;\n  size_t outputs_size() const;\n"
                "  TfLiteTensor* input(size_t index);\n  TfLiteTensor* output(size_t index);\n"
                "  size_t arena_used_bytes() const;\n};"
            )
        )

    def _op_resolver(self) -> str:
        found = f"const {self.registration}* FindOp"
        old = ""
        if self.has_version_in_find_op:
            old = (
                f"  {found}(BuiltinOperator op, int version) const;\n"
                f"  {found}(const char* op, int version) const;\n"
            )
        return '#include "tensorflow/lite/schema/schema_generated.h"\n' + _in_tflite(
            f"class MicroOpResolver {{\n public:\n"
            f"  virtual {found}(BuiltinOperator op) const = 0;\n"
            f"  virtual {found}(const char* op) const = 0;\n"
            "  using BuiltinParseFunction = TfLiteStatus (*)(const Operator* op);\n"
            "  virtual BuiltinParseFunction GetOpDataParser(BuiltinOperator op) const = 0;\n"
            f"{old}}};"
        )

    def _mutable_op_resolver(self) -> str:
        registration = self.registration
        return f'#include "{MICRO}/micro_op_resolver.h"\n' + _in_tflite(
            f"{registration} Register_CONV_2D();\n{registration} Register_FULLY_CONNECTED();\n"
            f"template <unsigned int tOpCount>\n"
            f"class MicroMutableOpResolver : public MicroOpResolver {{\n public:\n"
            f"  const {registration}* FindOp(BuiltinOperator op) const override;\n"
            f"  const {registration}* FindOp(const char* op) const override;\n"
            "  MicroOpResolver::BuiltinParseFunction GetOpDataParser(\n"
            "      BuiltinOperator op) const override;\n"
            "  TfLiteStatus AddConv2D() {\n"
            "    return AddBuiltin(BuiltinOperator_CONV_2D, tflite::Register_CONV_2D());\n  }\n"
            f"  TfLiteStatus AddFullyConnected(\n      const {registration}& registration =\n"
            "          Register_FULLY_CONNECTED()) {\n"
            "    return AddBuiltin(BuiltinOperator_FULLY_CONNECTED, registration);\n  }\n"
            f"  TfLiteStatus AddBuiltin(BuiltinOperator op, const {registration}& registration);\n"
            "};"
        )

    # ---- third party

    def _cmsis_kernel(self) -> str:
        header = "Include/arm_nnfunctions.h"
        if not self.cmsis_in_own_folder:
            header = f"CMSIS/NN/{header}"
        return (
            f'#include "{header}"\n'
            "int Eval() { return arm_convolve_wrapper_s8(nullptr, Shape(1, 2), nullptr); }\n"
        )

    def _third_party_files(self) -> dict[str, str]:
        nn = "cmsis_nn" if self.cmsis_in_own_folder else "cmsis/CMSIS/NN"
        names = {
            "flatbuffers/include/flatbuffers/flatbuffers.h": "",
            "gemmlowp/fixedpoint/fixedpoint.h": "",
            "ruy/ruy/profiler/instrumentation.h": "",
            "kissfft/kiss_fft.h": "",
            "cmsis/CMSIS/Core/Include/cmsis_gcc.h": "",
            f"{nn}/Include/arm_nnfunctions.h": (
                "/* arm_removed_s8() is gone. */\n"
                "int arm_convolve_wrapper_s8(const void *context,\n    Shape input, int *output);\n"
            ),
            f"{nn}/Source/ConvolutionFunctions/arm_convolve_wrapper_s8.c": "",
        }
        return {f"{self.third_party}/{name}": text for name, text in names.items()}


def _in_tflite(text: str) -> str:
    return (
        "#pragma once\n#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n"
        f'#include "tensorflow/lite/c/common.h"\nnamespace tflite {{\n{text}\n}}\n'
    )


_OLD = StubTree(
    "2021",
    reporter="required",
    reporter_folder="",
    has_resource_variables=False,
    allocator="SimpleMemoryAllocator",
    allocator_header="simple_memory_allocator.h",
    registration="TfLiteRegistration",
    has_version_in_find_op=True,
    log="const char* s",
    ticks="int32_t",
    has_interface=False,
    has_signal=False,
    cmsis_in_own_folder=False,
)
_SPRING_2022 = StubTree(
    "2022-05",
    reporter="required",
    reporter_folder="",
    allocator="SimpleMemoryAllocator",
    allocator_header="arena_allocator/simple_memory_allocator.h",
    registration="TfLiteRegistration",
    has_version_in_find_op=True,
    log="const char* s",
    has_interface=False,
    has_signal=False,
    cmsis_in_own_folder=False,
)
_OCTOBER_2022 = StubTree(
    "2022-10",
    reporter="optional",
    reporter_folder="",
    registration="TfLiteRegistration",
    has_version_in_find_op=True,
    log="const char* s",
    has_signal=False,
)
_NOVEMBER_2022 = StubTree(
    "2022-11",
    is_checkout=False,
    registration="TfLiteRegistration",
    has_version_in_find_op=True,
    log="const char* s",
    has_signal=False,
)
_MAY_2023 = StubTree(
    "2023-05", registration="TfLiteRegistration_V1", log="const char* s", has_signal=False
)
_JULY_2023 = StubTree("2023-07", is_checkout=False, suffix=".cpp")
_2025 = StubTree(
    "2025", schema_in_compiler=True, vsnprintf="DebugLogVsnprintf", dense_per_channel=True
)
_2026 = StubTree(
    "2026",
    is_checkout=False,
    schema_in_compiler=True,
    vsnprintf="DebugLogVsnprintf",
    dense_per_channel=True,
)
STUB_TREES = (
    _OLD,
    _SPRING_2022,
    _OCTOBER_2022,
    _NOVEMBER_2022,
    _MAY_2023,
    _JULY_2023,
    _2025,
    _2026,
)
BY_NAME = {tree.name: tree for tree in STUB_TREES}
