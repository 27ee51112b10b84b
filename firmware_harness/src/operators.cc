// The model's resolver, joined from the operators that the image lists.
#include <new>

#include "model.h"
#include "operator_unit.h"

namespace hil {

// Defined in the image.
extern const OperatorUnit *const operator_units[];
extern const unsigned operator_unit_count;

namespace {

struct Parts {
  static unsigned Count() { return operator_unit_count; }
  static const tflm::Resolver &At(unsigned index) { return operator_units[index]->resolver(); }
};

tflm::Registration *RegistrationOf(const OperatorUnit &unit) {
  return unit.custom_name == nullptr ? tflm::RegistrationOf(unit.resolver(), unit.code)
                                     : tflm::RegistrationOf(unit.resolver(), unit.custom_name);
}

}  // namespace

const tflm::Resolver &OpResolver() {
  using Joined = tflm::JoinedResolver<Parts>;
  alignas(Joined) static uint8_t storage[sizeof(Joined)];
  static Joined *resolver = nullptr;
  if (resolver == nullptr) resolver = new (storage) Joined;
  return *resolver;
}

void SetTracing(bool on) {
  for (unsigned i = 0; i < operator_unit_count; i++) {
    const OperatorUnit &unit = *operator_units[i];
    tflm::Registration *registration = RegistrationOf(unit);
    if (on == (registration->invoke == unit.wrapper)) continue;
    if (on) *unit.kernel = registration->invoke;
    registration->invoke = on ? unit.wrapper : *unit.kernel;
  }
}

}  // namespace hil
