// The operators of the model's resolver. No header of TFLM: the image stage has little to compile.
#include "model_config.h"

namespace hil {

struct OperatorUnit;

namespace operators {
#define HIL_DECLARE(name) extern const OperatorUnit name;
HIL_OPERATORS(HIL_DECLARE)
}  // namespace operators

extern const OperatorUnit *const operator_units[];
extern const unsigned operator_unit_count;

#define HIL_ADDRESS(name) &operators::name,
const OperatorUnit *const operator_units[] = {HIL_OPERATORS(HIL_ADDRESS)};
const unsigned operator_unit_count = sizeof operator_units / sizeof operator_units[0];

}  // namespace hil
