#include "model.h"
#include "model_config.h"

namespace hil {
namespace {

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

void SetTracing(bool on) {
  for (const Slot &slot : slots) {
    tflm::Registration *registration = tflm::RegistrationOf(OpResolver(), slot.code);
    if (on == (registration->invoke == slot.wrapper)) continue;
    if (on) *slot.kernel = registration->invoke;
    registration->invoke = on ? slot.wrapper : *slot.kernel;
  }
}

}  // namespace hil
