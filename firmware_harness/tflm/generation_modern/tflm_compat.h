// What trees of TensorFlow Lite Micro since 2021 have of their own, behind names that all
// generations share. Which of their forms a tree has is decided by its files and its types;
// HIL_TFLM_LOG_FORMAT and HIL_TFLM_VSNPRINTF say what cannot be seen that way: how its debug_log.h
// declares what the harness has to define.
#ifndef HIL_TFLM_COMPAT_H
#define HIL_TFLM_COMPAT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <new>
#include <type_traits>
#include <utility>

#include "joined_resolver.h"
#include "quick_schema.h"
#if __has_include("tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h")
#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
#define HIL_TFLM_ALLOCATOR SingleArenaBufferAllocator
#elif __has_include("tensorflow/lite/micro/arena_allocator/simple_memory_allocator.h")
#include "tensorflow/lite/micro/arena_allocator/simple_memory_allocator.h"
#define HIL_TFLM_ALLOCATOR SimpleMemoryAllocator
#else
#include "tensorflow/lite/micro/simple_memory_allocator.h"
#define HIL_TFLM_ALLOCATOR SimpleMemoryAllocator
#endif

#if __has_include("tensorflow/lite/micro/micro_error_reporter.h")
#include "tensorflow/lite/micro/micro_error_reporter.h"
#define HIL_TFLM_REPORTER 1
#elif __has_include("tensorflow/lite/micro/tflite_bridge/micro_error_reporter.h")
#include "tensorflow/lite/micro/tflite_bridge/micro_error_reporter.h"
#define HIL_TFLM_REPORTER 1
#endif

#if __has_include("tensorflow/lite/micro/micro_resource_variable.h")
#include "tensorflow/lite/micro/micro_resource_variable.h"
#define HIL_TFLM_RESOURCE_VARIABLES 1
#endif

#include "tensorflow/lite/micro/debug_log.h"
#include "tensorflow/lite/micro/memory_helpers.h"
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_time.h"

#ifndef TFLITE_SCHEMA_VERSION
#include "tensorflow/lite/version.h"
#endif

extern "C" {
extern const uint8_t model_data[];
extern const uint8_t model_data_end[];
}

#ifdef HIL_TFLM_LOG_FORMAT
#include "format.h"
#define HIL_TFLM_DEFINE_DEBUG_LOG(take)                             \
  extern "C" void DebugLog(const char *format, va_list arguments) { \
    char text[hil::tflm::kLogBytes];                                \
    hil::Format(text, sizeof text, format, arguments);              \
    take(text, __builtin_return_address(0));                        \
  }
#else
#define HIL_TFLM_DEFINE_DEBUG_LOG(take)        \
  extern "C" void DebugLog(const char *text) { \
    take(text, __builtin_return_address(0));   \
  }
#endif

#ifdef HIL_TFLM_VSNPRINTF
#define HIL_TFLM_DEFINE_VSNPRINTF                                                  \
  extern "C" int HIL_TFLM_VSNPRINTF(char *buffer, size_t size, const char *format, \
                                    va_list arguments) {                           \
    return hil::Format(buffer, size, format, arguments);                           \
  }
#else
#define HIL_TFLM_DEFINE_VSNPRINTF
#endif

// Defines what the tree's library takes from its platform: the function that it prints with, which
// gives finished text and who called it to `take`, and a clock, which nothing here reads.
#define HIL_TFLM_DEFINE_LOG(take)                         \
  HIL_TFLM_DEFINE_DEBUG_LOG(take)                         \
  HIL_TFLM_DEFINE_VSNPRINTF                               \
  namespace tflite {                                      \
  decltype(ticks_per_second()) ticks_per_second() {       \
    return 0;                                             \
  }                                                       \
  decltype(GetCurrentTimeTicks()) GetCurrentTimeTicks() { \
    return 0;                                             \
  }                                                       \
  }

namespace hil {
namespace tflm {

constexpr size_t kLogBytes = 256;

using Interpreter = tflite::MicroInterpreter;
using Resolver = tflite::MicroOpResolver;
using Allocator = tflite::HIL_TFLM_ALLOCATOR;
template <unsigned int kOperators>
using MutableResolver = tflite::MicroMutableOpResolver<kOperators>;
template <typename Parts>
using JoinedResolver = JoinedResolverOf<Parts, Resolver, tflite::BuiltinOperator>;

using Registration =
    std::remove_const<std::remove_pointer<decltype(std::declval<const Resolver &>().FindOp(
        tflite::BuiltinOperator_MIN))>::type>::type;
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

// What the interpreter's constructor puts into the arena before it looks at the size; in older
// trees it is less.
constexpr size_t kMinimumArenaBytes = sizeof(Allocator) + sizeof(tflite::GreedyMemoryPlanner) +
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

// `reporter` is one or none, as the tree's classes take it.
template <typename... Reporter>
Interpreter *MakeWith(void *storage, const tflite::Model *model, const Resolver &resolver,
                      uint8_t *arena, size_t arena_bytes, Reporter *...reporter) {
#ifdef HIL_TFLM_RESOURCE_VARIABLES
  const int variables = ResourceVariablesOf(model);
  if (variables > 0) {
    // Create does not look at what it gets for them.
    if (arena_bytes < kMinimumArenaBytes + variables * kResourceVariableBytes) return nullptr;
    tflite::MicroAllocator *allocator =
        tflite::MicroAllocator::Create(arena, arena_bytes, reporter...);
    return new (storage) Interpreter(model, resolver, allocator, reporter...,
                                     tflite::MicroResourceVariables::Create(allocator, variables));
  }
#endif
  return new (storage) Interpreter(model, resolver, arena, arena_bytes, reporter...);
}

using NeedsNoReporter =
    std::is_constructible<Interpreter, const tflite::Model *, const Resolver &, uint8_t *, size_t>;

template <typename... Arguments>
Interpreter *MakeFor(std::true_type, Arguments &&...arguments) {
  return MakeWith(std::forward<Arguments>(arguments)...);
}

#ifdef HIL_TFLM_REPORTER
template <typename... Arguments>
Interpreter *MakeFor(std::false_type, Arguments &&...arguments) {
  static tflite::MicroErrorReporter reporter;
  tflite::ErrorReporter *base = &reporter;
  return MakeWith(std::forward<Arguments>(arguments)..., base);
}
#endif

// Null when the arena has no room for its variables.
inline Interpreter *MakeInterpreter(void *storage, const tflite::Model *model,
                                    const Resolver &resolver, uint8_t *arena, size_t arena_bytes) {
  return MakeFor(std::integral_constant<bool, NeedsNoReporter::value>(), storage, model, resolver,
                 arena, arena_bytes);
}

// The two ends of the arena by their names of today, and by those until 2022.
template <typename Any>
auto HeadOf(const Any &allocator, int) -> decltype(allocator.GetNonPersistentUsedBytes()) {
  return allocator.GetNonPersistentUsedBytes();
}
template <typename Any>
auto HeadOf(const Any &allocator, long) -> decltype(allocator.GetHeadUsedBytes()) {
  return allocator.GetHeadUsedBytes();
}
template <typename Any>
auto TailOf(const Any &allocator, int) -> decltype(allocator.GetPersistentUsedBytes()) {
  return allocator.GetPersistentUsedBytes();
}
template <typename Any>
auto TailOf(const Any &allocator, long) -> decltype(allocator.GetTailUsedBytes()) {
  return allocator.GetTailUsedBytes();
}

// Head and tail of the arena. The interpreter hides its allocator, but that is the first thing it
// allocates: it sits at the very end.
struct ArenaSplit {
  size_t head_bytes, tail_bytes;
};

inline ArenaSplit SplitOf(const uint8_t *arena, size_t arena_bytes) {
  uintptr_t at = reinterpret_cast<uintptr_t>(arena + arena_bytes);
  at = (at - sizeof(Allocator)) & ~static_cast<uintptr_t>(alignof(Allocator) - 1);
  const Allocator &allocator = *reinterpret_cast<const Allocator *>(at);
  return {HeadOf(allocator, 0), TailOf(allocator, 0)};
}

}  // namespace tflm
}  // namespace hil

#endif
