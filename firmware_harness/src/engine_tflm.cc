// The TFLM interpreter of one model in one arena.
#include <string.h>

#include "crash.h"
#include "engine.h"
#include "log.h"
#include "model.h"
#include "port.h"
#include "port_cycles.h"
#include "tflm_compat.h"

// TFLM's only way out. A failed TFLITE_CHECK prints "HALTED" and then loops for ever, so this is
// the place to stop it.
extern "C" void DebugLog(const char *text) {
  hil::LogText(text);
  if (strncmp(text, "HALTED", 6) != 0) return;
  HilCrash crash = {};
  crash.kind = HIL_CRASH_CHECK;
  crash.pc = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(__builtin_return_address(0)));
  hil_crash(&crash);
}

namespace hil {
namespace {

alignas(tflm::Interpreter) uint8_t interpreter_storage[sizeof(tflm::Interpreter)];
tflm::Interpreter *interpreter = nullptr;

const tflite::SubGraph *MainSubgraph() {
  return tflite::GetModel(model_data)->subgraphs()->Get(0);
}

void Describe(const TfLiteTensor *tensor, TensorFacts *facts) {
  facts->type = tensor->type;
  facts->rank = static_cast<uint32_t>(tensor->dims->size);
  for (uint32_t i = 0; i < facts->rank && i < HIL_MAX_RANK; i++)
    facts->shape[i] = tensor->dims->data[i];
  facts->bytes = static_cast<uint32_t>(tensor->bytes);
  facts->scale = tensor->params.scale;
  facts->zero_point = tensor->params.zero_point;
  facts->data = reinterpret_cast<uint8_t *>(tensor->data.raw);
}

}  // namespace

ModelFacts EngineModel() {
  const tflite::SubGraph *subgraph = MainSubgraph();
  return {
      static_cast<uint32_t>(model_data_end - model_data),
      tflite::GetModel(model_data)->version(),
      subgraph->operators()->size(),
      subgraph->inputs()->size(),
      subgraph->outputs()->size(),
  };
}

uint32_t EngineArenaCapacity() {
  return static_cast<uint32_t>(__arena_end - __arena_start);
}

uint32_t EngineArenaMinimum() {
  return tflm::kMinimumArenaBytes;
}

uint32_t EngineAllocate(uint32_t arena_bytes, ArenaUse *use) {
  // The interpreter never checks this.
  if (tflite::GetModel(model_data)->version() != tflm::kSchemaVersion)
    return HIL_ALLOCATE_SCHEMA_VERSION;
  // An earlier interpreter is not destroyed: it owns nothing but the arena, and its destructor
  // walks structures that a failed allocation never filled.
  interpreter = tflm::MakeInterpreter(interpreter_storage, tflite::GetModel(model_data),
                                      OpResolver(), __arena_start, arena_bytes);
  if (interpreter->initialization_status() != kTfLiteOk ||
      interpreter->AllocateTensors() != kTfLiteOk)
    return HIL_ALLOCATE_FAILED;
  const tflm::ArenaSplit split = tflm::SplitOf(__arena_start, arena_bytes);
  use->used_bytes = static_cast<uint32_t>(interpreter->arena_used_bytes());
  use->head_bytes = static_cast<uint32_t>(split.head_bytes);
  use->tail_bytes = static_cast<uint32_t>(split.tail_bytes);
  return HIL_ALLOCATE_OK;
}

bool EngineInput(uint32_t index, TensorFacts *facts) {
  if (index >= interpreter->inputs_size()) return false;
  Describe(interpreter->input(index), facts);
  return true;
}

bool EngineOutput(uint32_t index, TensorFacts *facts) {
  if (index >= interpreter->outputs_size()) return false;
  Describe(interpreter->output(index), facts);
  return true;
}

Measurement EngineInvoke() {
  LogHold();
  const uint32_t start = port_cycles();
  const TfLiteStatus status = interpreter->Invoke();
  const uint32_t end = port_cycles();
  LogRelease();
  return {static_cast<uint32_t>(status), end - start};
}

}  // namespace hil
