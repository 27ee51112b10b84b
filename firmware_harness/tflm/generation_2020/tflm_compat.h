// What generation 2020 of TensorFlow Lite Micro (TensorFlow 2.3 to mid-2020) has of its own, behind
// names that all generations share.
#ifndef HIL_TFLM_COMPAT_H
#define HIL_TFLM_COMPAT_H

#include <stddef.h>
#include <stdint.h>

#include <new>

#include "joined_resolver.h"
#include "quick_schema.h"
#include "tensorflow/lite/micro/debug_log.h"
#include "tensorflow/lite/micro/kernels/micro_ops.h"
#include "tensorflow/lite/micro/micro_error_reporter.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/simple_memory_allocator.h"
#include "tensorflow/lite/version.h"

// Defines the function that TFLM prints with: it gives finished text and who called it to `take`.
#define HIL_TFLM_DEFINE_LOG(take)              \
  extern "C" void DebugLog(const char *text) { \
    take(text, __builtin_return_address(0));   \
  }

namespace hil {
namespace tflm {

using Interpreter = tflite::MicroInterpreter;
using Resolver = tflite::MicroOpResolver;
template <unsigned int kOperators>
using MutableResolver = tflite::MicroMutableOpResolver<kOperators>;

using Registration = TfLiteRegistration;
using Kernel = TfLiteStatus (*)(TfLiteContext *context, TfLiteNode *node);

// The registration that an interpreter made with `resolver` calls the operator by. The resolver
// hands it out as const, but its own table is not.
inline Registration *RegistrationOf(const Resolver &resolver, tflite::BuiltinOperator code) {
  return const_cast<Registration *>(resolver.FindOp(code, tflite::MicroOpResolverAnyVersion()));
}

inline Registration *RegistrationOf(const Resolver &resolver, const char *custom_name) {
  return const_cast<Registration *>(
      resolver.FindOp(custom_name, tflite::MicroOpResolverAnyVersion()));
}

// A resolver that is made of others.
template <typename Parts>
class JoinedResolver : public Resolver {
 public:
  const Registration *FindOp(tflite::BuiltinOperator code, int version) const override {
    return FirstFound<Parts>([=](const Resolver &part) { return part.FindOp(code, version); });
  }

  const Registration *FindOp(const char *custom_name, int version) const override {
    return FirstFound<Parts>(
        [=](const Resolver &part) { return part.FindOp(custom_name, version); });
  }

  BuiltinParseFunction GetOpDataParser(tflite::BuiltinOperator code) const override {
    return FirstFound<Parts>([=](const Resolver &part) { return part.GetOpDataParser(code); });
  }

  TfLiteStatus AddBuiltin(tflite::BuiltinOperator, Registration *, int) override {
    return kTfLiteError;
  }
};

// A tensor inside a kernel: where it is, how large, and whether the model file holds it.
struct TensorMemory {
  const uint8_t *data;
  uint32_t bytes;
  bool is_constant;
};

inline TensorMemory MemoryOf(const TfLiteContext *context, int index) {
  const TfLiteTensor &tensor = context->tensors[index];
  return {reinterpret_cast<const uint8_t *>(tensor.data.raw), static_cast<uint32_t>(tensor.bytes),
          tensor.allocation_type == kTfLiteMmapRo};
}

constexpr uint32_t kSchemaVersion = TFLITE_SCHEMA_VERSION;
constexpr size_t kArenaAlignment = 16;

// The constructor puts the allocator object into the arena before it looks at the size.
constexpr size_t kMinimumArenaBytes = sizeof(tflite::SimpleMemoryAllocator) + 2 * kArenaAlignment;

inline Interpreter *MakeInterpreter(void *storage, const tflite::Model *model,
                                    const Resolver &resolver, uint8_t *arena, size_t arena_bytes) {
  static tflite::MicroErrorReporter reporter;
  return new (storage) Interpreter(model, resolver, arena, arena_bytes, &reporter);
}

// Head and tail of the arena. The interpreter hides its allocator, but that is the first thing it
// allocates: it sits at the very end.
struct ArenaSplit {
  size_t head_bytes, tail_bytes;
};

inline ArenaSplit SplitOf(const uint8_t *arena, size_t arena_bytes) {
  uintptr_t at = reinterpret_cast<uintptr_t>(arena + arena_bytes);
  at = (at - sizeof(tflite::SimpleMemoryAllocator)) &
       ~static_cast<uintptr_t>(alignof(tflite::SimpleMemoryAllocator) - 1);
  const auto *allocator = reinterpret_cast<const tflite::SimpleMemoryAllocator *>(at);
  return {allocator->GetHeadUsedBytes(), allocator->GetTailUsedBytes()};
}

}  // namespace tflm
}  // namespace hil

#endif
