#include "model.h"
#include "model_config.h"

namespace hil {

const tflm::Resolver &OpResolver() {
  static tflm::MutableResolver<HIL_OPERATOR_COUNT> resolver;
  static bool filled = false;
  if (!filled) {
#define HIL_ADD(name) HIL_TFLM_ADD_OPERATOR(resolver, name);
    HIL_OPERATORS(HIL_ADD)
#undef HIL_ADD
    filled = true;
  }
  return resolver;
}

}  // namespace hil
