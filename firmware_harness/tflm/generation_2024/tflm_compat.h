// What generation 2024 of TensorFlow Lite Micro (spring 2024) has of its own, behind names that all
// generations share.
#ifndef HIL_TFLM_COMPAT_H
#define HIL_TFLM_COMPAT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <new>

#include "format.h"
#include "joined_resolver.h"
#include "quick_schema.h"
#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
#include "tensorflow/lite/micro/debug_log.h"
#include "tensorflow/lite/micro/memory_helpers.h"
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
// The resolver's header does not include what declares the typed registrations of these two.
#if __has_include("tensorflow/lite/micro/kernels/svdf.h")
#include "tensorflow/lite/micro/kernels/svdf.h"
#endif
#if __has_include("tensorflow/lite/micro/kernels/unidirectional_sequence_lstm.h")
#include "tensorflow/lite/micro/kernels/unidirectional_sequence_lstm.h"
#endif

extern "C" {
extern const uint8_t model_data[];
extern const uint8_t model_data_end[];
}

// The tree's resolver does not include the headers that have these.
namespace tflite {
TFLMRegistration Register_SVDF_INT8();
TFLMRegistration Register_UNIDIRECTIONAL_SEQUENCE_LSTM_INT8();
}  // namespace tflite

// Defines the function that TFLM prints with: it gives finished text and who called it to `take`.
#define HIL_TFLM_DEFINE_LOG(take)                                              \
  extern "C" void DebugLog(const char *format, va_list arguments) {            \
    char text[hil::tflm::kLogBytes];                                           \
    hil::Format(text, sizeof text, format, arguments);                         \
    take(text, __builtin_return_address(0));                                   \
  }                                                                            \
  extern "C" int DebugVsnprintf(char *buffer, size_t size, const char *format, \
                                va_list arguments) {                           \
    return hil::Format(buffer, size, format, arguments);                       \
  }

namespace hil {
namespace tflm {

constexpr size_t kLogBytes = 256;

using Interpreter = tflite::MicroInterpreter;
using Resolver = tflite::MicroOpResolver;
template <unsigned int kOperators>
using MutableResolver = tflite::MicroMutableOpResolver<kOperators>;
template <typename Parts>
using JoinedResolver = JoinedResolverOf<Parts, Resolver, tflite::BuiltinOperator>;

using Registration = TFLMRegistration;
using Kernel = TfLiteStatus (*)(TfLiteContext *context, TfLiteNode *node);

// The registration that an interpreter made with `resolver` calls the operator by. The resolver
// hands it out as const, but its own table is not.
inline Registration *RegistrationOf(const Resolver &resolver, tflite::BuiltinOperator code) {
  return const_cast<Registration *>(resolver.FindOp(code));
}

inline Registration *RegistrationOf(const Resolver &resolver, const char *custom_name) {
  return const_cast<Registration *>(resolver.FindOp(custom_name));
}

// A tensor inside a kernel: where it is, how large, and whether the model file holds it. A
// variable's handle counts as held: it lies in its operator, which writes it once.
struct TensorMemory {
  const uint8_t *data;
  uint32_t bytes;
  bool is_constant;
};

inline TensorMemory MemoryOf(const TfLiteContext *context, int index) {
  const TfLiteEvalTensor *tensor = context->GetEvalTensor(context, index);
  size_t bytes = 0;
  tflite::TfLiteEvalTensorByteLength(tensor, &bytes);
  const uint8_t *data = static_cast<const uint8_t *>(tensor->data.data);
  const bool is_held = data >= model_data && data < model_data_end;
  return {data, static_cast<uint32_t>(bytes), is_held || tensor->type == kTfLiteResource};
}

constexpr uint32_t kSchemaVersion = TFLITE_SCHEMA_VERSION;
constexpr size_t kArenaAlignment = 16;

// What the interpreter's constructor puts into the arena before it looks at the size.
constexpr size_t kMinimumArenaBytes = sizeof(tflite::SingleArenaBufferAllocator) +
                                      sizeof(tflite::GreedyMemoryPlanner) +
                                      sizeof(tflite::MicroAllocator) + 4 * kArenaAlignment;

// At most: two names, an address, a size, a value; once more for the table of them.
constexpr size_t kResourceVariableBytes = 16 * sizeof(void *);

// The name of the variable that an operator gives a handle of, null for others.
inline const char *VariableOf(const tflite::Operator *op) {
  const tflite::VarHandleOptions *handle = op->builtin_options_as_VarHandleOptions();
  return handle == nullptr ? nullptr : handle->shared_name()->c_str();
}

// Whether no operator before this one has a handle of the same variable.
inline bool IsFirstHandle(const tflite::Model *model, const tflite::Operator *op) {
  for (const tflite::SubGraph *subgraph : *model->subgraphs()) {
    for (const tflite::Operator *before : *subgraph->operators()) {
      if (before == op) return true;
      const char *name = VariableOf(before);
      if (name != nullptr && strcmp(name, VariableOf(op)) == 0) return false;
    }
  }
  return true;
}

// Variables of a model: the number that a product would give.
inline int ResourceVariablesOf(const tflite::Model *model) {
  int count = 0;
  for (const tflite::SubGraph *subgraph : *model->subgraphs())
    for (const tflite::Operator *op : *subgraph->operators())
      if (VariableOf(op) != nullptr && IsFirstHandle(model, op)) count++;
  return count;
}

// Null when the arena has no room for its variables.
inline Interpreter *MakeInterpreter(void *storage, const tflite::Model *model,
                                    const Resolver &resolver, uint8_t *arena, size_t arena_bytes) {
  const int variables = ResourceVariablesOf(model);
  if (variables == 0) return new (storage) Interpreter(model, resolver, arena, arena_bytes);
  // Create does not look at what it gets for them.
  if (arena_bytes < kMinimumArenaBytes + variables * kResourceVariableBytes) return nullptr;
  tflite::MicroAllocator *allocator = tflite::MicroAllocator::Create(arena, arena_bytes);
  return new (storage) Interpreter(model, resolver, allocator,
                                   tflite::MicroResourceVariables::Create(allocator, variables));
}

// Head and tail of the arena. The interpreter hides its allocator, but that is the first thing it
// allocates: it sits at the very end.
struct ArenaSplit {
  size_t head_bytes, tail_bytes;
};

inline ArenaSplit SplitOf(const uint8_t *arena, size_t arena_bytes) {
  uintptr_t at = reinterpret_cast<uintptr_t>(arena + arena_bytes);
  at = (at - sizeof(tflite::SingleArenaBufferAllocator)) &
       ~static_cast<uintptr_t>(alignof(tflite::SingleArenaBufferAllocator) - 1);
  const auto *allocator = reinterpret_cast<const tflite::SingleArenaBufferAllocator *>(at);
  return {allocator->GetNonPersistentUsedBytes(), allocator->GetPersistentUsedBytes()};
}

}  // namespace tflm
}  // namespace hil

#endif
