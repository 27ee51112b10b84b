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

}  // namespace hil
