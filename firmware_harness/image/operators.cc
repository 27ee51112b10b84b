// The model's operators: their resolver, and wrappers around their kernels. One file, since TFLM's
// headers take most of the time that a further model costs.
#include "model.h"
#include "model_config.h"

namespace hil {

const tflm::Resolver &OpResolver() {
  static tflm::MutableResolver<HIL_OPERATOR_COUNT> resolver;
  static bool filled = false;
  if (!filled) {
    HIL_ADD_OPERATORS(resolver)
    filled = true;
  }
  return resolver;
}

namespace {

#ifdef HIL_OPERATORS
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
#endif

#ifdef HIL_CUSTOM_OPERATORS
// Custom operators are told apart by their place in the model's list.
template <int kNumber>
struct CustomWrapper {
  static tflm::Kernel kernel;

  static TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node) {
    return TracedInvoke(kernel, context, node);
  }
};
template <int kNumber>
tflm::Kernel CustomWrapper<kNumber>::kernel = nullptr;

struct CustomSlot {
  const char *name;
  tflm::Kernel wrapper;
  tflm::Kernel *kernel;
};

#define HIL_SLOT(number, name) \
  {name, CustomWrapper<number>::Invoke, &CustomWrapper<number>::kernel},
const CustomSlot custom_slots[] = {HIL_CUSTOM_OPERATORS(HIL_SLOT)};
#undef HIL_SLOT
#endif

template <typename AnySlot>
inline void Switch(bool on, tflm::Registration *registration, const AnySlot &slot) {
  if (on == (registration->invoke == slot.wrapper)) return;
  if (on) *slot.kernel = registration->invoke;
  registration->invoke = on ? slot.wrapper : *slot.kernel;
}

}  // namespace

void SetTracing(bool on) {
#ifdef HIL_OPERATORS
  for (const Slot &slot : slots) Switch(on, tflm::RegistrationOf(OpResolver(), slot.code), slot);
#endif
#ifdef HIL_CUSTOM_OPERATORS
  for (const CustomSlot &slot : custom_slots)
    Switch(on, tflm::RegistrationOf(OpResolver(), slot.name), slot);
#endif
}

}  // namespace hil
