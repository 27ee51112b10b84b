// The model and the operators it needs: the only parts of an image that differ between models.
#ifndef HIL_MODEL_H
#define HIL_MODEL_H

#include <stdint.h>

#include "tflm_compat.h"

extern "C" {
extern const uint8_t model_data[];
extern const uint8_t model_data_end[];
// Set by the linker script: all RAM it left over.
extern uint8_t __arena_start[];
extern uint8_t __arena_end[];
}

namespace hil {

// Holds just the operators of this image's model.
const tflm::Resolver &OpResolver();

// Runs a kernel in place of the interpreter: traces it.
TfLiteStatus TracedInvoke(tflm::Kernel kernel, TfLiteContext *context, TfLiteNode *node);

// With `on` every operator goes through TracedInvoke; without, nothing is left of that.
void SetTracing(bool on);

}  // namespace hil

#endif
