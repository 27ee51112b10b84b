#include "model.h"
#include "model_config.h"

namespace hil {
namespace {

tflm::MutableResolver<HIL_OPERATOR_COUNT> &TheResolver() {
  static tflm::MutableResolver<HIL_OPERATOR_COUNT> resolver;
  return resolver;
}

// A kernel has nowhere to keep who it is called for, so each operator type has a wrapper of its
// own.
template <tflite::BuiltinOperator kCode>
struct Wrapper {
  static tflm::Kernel kernel;

  static TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node) {
    return TracedInvoke(kernel, context, node);
  }
};
template <tflite::BuiltinOperator kCode>
tflm::Kernel Wrapper<kCode>::kernel = nullptr;

struct Slot {
  tflite::BuiltinOperator code;
  tflm::Kernel wrapper;
  tflm::Kernel *kernel;
};

template <tflite::BuiltinOperator kCode>
constexpr Slot SlotOf() {
  return {kCode, Wrapper<kCode>::Invoke, &Wrapper<kCode>::kernel};
}

#define HIL_SLOT(name) SlotOf<tflite::BuiltinOperator_##name>(),
const Slot slots[] = {HIL_OPERATORS(HIL_SLOT)};
#undef HIL_SLOT

}  // namespace

const tflm::Resolver &OpResolver() {
  tflm::MutableResolver<HIL_OPERATOR_COUNT> &resolver = TheResolver();
  static bool filled = false;
  if (!filled) {
#define HIL_ADD(name) HIL_TFLM_ADD_OPERATOR(resolver, name);
    HIL_OPERATORS(HIL_ADD)
#undef HIL_ADD
    filled = true;
  }
  return resolver;
}

void SetTracing(bool on) {
  for (const Slot &slot : slots) {
    tflm::Registration *registration = tflm::RegistrationOf(TheResolver(), slot.code);
    if (on == (registration->invoke == slot.wrapper)) continue;
    if (on) *slot.kernel = registration->invoke;
    registration->invoke = on ? slot.wrapper : *slot.kernel;
  }
}

}  // namespace hil
