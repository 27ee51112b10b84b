// The interpreter as the runner sees it: engine_tflm.cc on a board, a fake in the host tests.
#ifndef HIL_ENGINE_H
#define HIL_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol.h"
#include "trace.h"

namespace hil {

struct ModelFacts {
  uint32_t model_bytes;
  uint32_t schema_version;
  uint32_t operators;
  uint32_t inputs;
  uint32_t outputs;
};

struct ArenaUse {
  uint32_t used_bytes;
  uint32_t head_bytes;  // activations and scratch, planned
  uint32_t tail_bytes;  // the interpreter's own structures
};

struct TensorFacts {
  uint32_t type;  // TfLiteType
  uint32_t rank;
  int32_t shape[HIL_MAX_RANK];
  uint32_t bytes;
  float scale;
  int32_t zero_point;
  uint8_t *data;
};

struct Measurement {
  uint32_t status;  // TfLiteStatus of Invoke
  uint64_t cycles;
};

struct TraceResult {
  uint32_t status;  // TfLiteStatus of Invoke
  uint32_t operators;
  uint64_t cycles;          // of all operators together
  uint32_t wrapper_cycles;  // what the wrapper adds to each
};

ModelFacts EngineModel();

// The arena the linker script left, and the least an interpreter can be made in without harm.
uint8_t *EngineArena();
uint32_t EngineArenaCapacity();
uint32_t EngineArenaMinimum();

// Makes an interpreter in the first `arena_bytes` of the arena. Returns a HIL_ALLOCATE_* status.
uint32_t EngineAllocate(uint32_t arena_bytes, ArenaUse *use);

// False when there is no such tensor. Needs a successful EngineAllocate.
bool EngineInput(uint32_t index, TensorFacts *facts);
bool EngineOutput(uint32_t index, TensorFacts *facts);

// Runs the model once; `cycles` covers Invoke and nothing else.
Measurement EngineInvoke();

// Runs the model once with every operator of its main subgraph wrapped, and tells about each.
TraceResult EngineTrace(const TraceOptions &options);

}  // namespace hil

#endif
