// One operator of a model's resolver. It is compiled once, for all models that have it: TFLM's
// headers take most of the time that a further model would cost.
#ifndef HIL_OPERATOR_UNIT_H
#define HIL_OPERATOR_UNIT_H

#include <new>

#include "model.h"

namespace hil {

struct OperatorUnit {
  const tflm::Resolver &(*resolver)();  // holds just this operator
  tflite::BuiltinOperator code;
  const char *custom_name;  // null for a builtin operator
  tflm::Kernel wrapper;     // what runs in place of the kernel while tracing is on
  tflm::Kernel *kernel;
};

}  // namespace hil

// Defines hil::operators::name. `expression` adds the operator to `resolver`. A kernel has nowhere
// to keep who it is called for, so each operator has a wrapper of its own. Nothing is ever
// destroyed: a static object would bring the C library's atexit.
#define HIL_DEFINE_OPERATOR_UNIT(name, code, custom_name, expression)                            \
  namespace hil {                                                                                \
  namespace operators {                                                                          \
  namespace unit_##name {                                                                        \
    static tflm::Kernel kernel = nullptr;                                                        \
    static TfLiteStatus Traced(TfLiteContext *context, TfLiteNode *node) {                       \
      return TracedInvoke(kernel, context, node);                                                \
    }                                                                                            \
    static const tflm::Resolver &Resolver() {                                                    \
      using One = tflm::MutableResolver<1>;                                                      \
      alignas(One) static uint8_t storage[sizeof(One)];                                          \
      static One *filled = nullptr;                                                              \
      if (filled == nullptr) {                                                                   \
        One &resolver = *(filled = new (storage) One);                                           \
        expression;                                                                              \
      }                                                                                          \
      return *filled;                                                                            \
    }                                                                                            \
  }                                                                                              \
  extern const OperatorUnit name;                                                                \
  const OperatorUnit name = {unit_##name::Resolver, tflite::BuiltinOperator_##code, custom_name, \
                             unit_##name::Traced, &unit_##name::kernel};                         \
  }                                                                                              \
  }

#endif
