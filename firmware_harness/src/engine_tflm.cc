// The TFLM interpreter of one model in one arena.
#include <string.h>

#include "crash.h"
#include "crc32.h"
#include "engine.h"
#include "log.h"
#include "model.h"
#include "port.h"
#include "port_cycles.h"
#include "tflm_compat.h"

namespace {

// TFLM's only way out. A failed TFLITE_CHECK prints "HALTED" and then loops for ever, so this is
// the place to stop it.
inline void TakeLog(const char *text, void *caller) {
  hil::LogText(text);
  if (strncmp(text, "HALTED", 6) != 0) return;
  HilCrash crash = {};
  crash.kind = HIL_CRASH_CHECK;
  crash.pc = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(caller));
  hil_crash(&crash);
}

}  // namespace

HIL_TFLM_DEFINE_LOG(TakeLog)

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

uint8_t *EngineArena() {
  return __arena_start;
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
  if (interpreter == nullptr || interpreter->initialization_status() != kTfLiteOk ||
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

// Marks in the code for whoever watches it from outside, as a trace unit does: an operator runs
// from the first to the second.
extern "C" __attribute__((noipa)) void hil_operator_begin() {
  __asm__ volatile("" ::: "memory");
}

extern "C" __attribute__((noipa)) void hil_operator_end() {
  __asm__ volatile("" ::: "memory");
}

namespace hil {
namespace {

constexpr int kWrapperRuns = 8;
constexpr uint32_t kKeptOperators = 128;

TraceOptions trace_options;
TraceResult trace_result;
// Operators of another subgraph run inside the one that calls them, and are part of it.
bool is_inside;
struct {
  uint32_t cycles, output_bytes;
} kept[kKeptOperators];

bool IsWanted(const tflm::TensorMemory &tensor) {
  return !tensor.is_constant && tensor.data != nullptr;
}

uint32_t CrcOf(const TfLiteContext *context, const TfLiteIntArray *tensors) {
  uint32_t crc = 0;
  for (int i = 0; i < tensors->size; i++) {
    if (tensors->data[i] < 0) continue;  // an optional input that is absent
    const tflm::TensorMemory tensor = tflm::MemoryOf(context, tensors->data[i]);
    if (IsWanted(tensor)) crc = Crc32(crc, tensor.data, tensor.bytes);
  }
  return crc;
}

// What an operator's outputs are filled with before it runs, 0 for nothing. They differ in every
// bit: what is the one after an inference and the other after the next was not written.
uint8_t FillByte() {
  if (trace_options.flags & HIL_TRACE_FILL_FIRST) return 0x5A;
  return trace_options.flags & HIL_TRACE_FILL_SECOND ? 0xA5 : 0;
}

bool Overlap(const tflm::TensorMemory &one, const tflm::TensorMemory &other) {
  return one.data < other.data + other.bytes && other.data < one.data + one.bytes;
}

// Outputs in the memory of an input, as RESHAPE may have them, hold what it is to read.
void FillOutputs(const TfLiteContext *context, const TfLiteNode *node, uint8_t byte) {
  for (int i = 0; i < node->outputs->size; i++) {
    if (node->outputs->data[i] < 0) continue;
    const tflm::TensorMemory output = tflm::MemoryOf(context, node->outputs->data[i]);
    bool is_free = IsWanted(output);
    for (int k = 0; is_free && k < node->inputs->size; k++)
      if (node->inputs->data[k] >= 0)
        is_free = !Overlap(output, tflm::MemoryOf(context, node->inputs->data[k]));
    if (is_free) memset(const_cast<uint8_t *>(output.data), byte, output.bytes);
  }
}

// Not inlined: what it adds to a kernel must be the same wherever it is called.
__attribute__((noinline)) uint32_t CountedInvoke(tflm::Kernel kernel, TfLiteContext *context,
                                                 TfLiteNode *node, TfLiteStatus *status) {
  const uint32_t start = port_cycles();
  *status = kernel(context, node);
  return port_cycles() - start;
}

TfLiteStatus NoKernel(TfLiteContext *, TfLiteNode *) {
  return kTfLiteOk;
}

// Through a pointer that the compiler cannot see through, as a kernel is called. The least of
// several: the first one pays for cold caches.
uint32_t WrapperCycles() {
  static tflm::Kernel volatile empty = NoKernel;
  uint32_t least = 0xFFFFFFFFu;
  for (int i = 0; i < kWrapperRuns; i++) {
    TfLiteStatus status;
    const uint32_t cycles = CountedInvoke(empty, nullptr, nullptr, &status);
    if (cycles < least) least = cycles;
  }
  return least;
}

// When nothing but cycles is asked for they are kept until the inference is over: sending between
// operators would leave the next one with cold caches. What does not fit is sent at once.
void Tell(const HilOperator &facts) {
  const bool can_wait = trace_options.flags == 0 && facts.index < kKeptOperators;
  if (can_wait)
    kept[facts.index] = {facts.cycles, facts.output_bytes};
  else
    SendOperator(facts);
}

void TellWhatWasKept() {
  if (trace_options.flags != 0) return;
  for (uint32_t i = 0; i < trace_result.operators && i < kKeptOperators; i++) {
    HilOperator facts = {};
    facts.index = i;
    facts.cycles = kept[i].cycles;
    facts.output_bytes = kept[i].output_bytes;
    SendOperator(facts);
  }
}

void SendOutputs(uint32_t index, const TfLiteContext *context, const TfLiteIntArray *outputs) {
  for (int i = 0; i < outputs->size; i++) {
    if (outputs->data[i] < 0) continue;
    const tflm::TensorMemory tensor = tflm::MemoryOf(context, outputs->data[i]);
    SendOperatorData(index, static_cast<uint32_t>(i), tensor.data, tensor.bytes);
  }
}

}  // namespace

TfLiteStatus TracedInvoke(tflm::Kernel kernel, TfLiteContext *context, TfLiteNode *node) {
  if (is_inside) return kernel(context, node);
  HilOperator facts = {};
  facts.index = trace_result.operators++;
  const bool wants_crc = trace_options.flags & HIL_TRACE_CRC;
  if (wants_crc) facts.input_crc = CrcOf(context, node->inputs);
  const uint8_t fill = FillByte();
  if (fill) FillOutputs(context, node, fill);
  TfLiteStatus status;
  is_inside = true;
  hil_operator_begin();
  facts.cycles = CountedInvoke(kernel, context, node, &status);
  hil_operator_end();
  is_inside = false;
  facts.invoke_status = static_cast<uint32_t>(status);
  if (wants_crc) facts.output_crc = CrcOf(context, node->outputs);
  for (int i = 0; i < node->outputs->size; i++)
    if (node->outputs->data[i] >= 0)
      facts.output_bytes += tflm::MemoryOf(context, node->outputs->data[i]).bytes;
  trace_result.cycles += facts.cycles;
  Tell(facts);
  const bool is_wanted = facts.index >= trace_options.first && facts.index <= trace_options.last;
  if (trace_options.flags & HIL_TRACE_DATA && is_wanted)
    SendOutputs(facts.index, context, node->outputs);
  return status;
}

TraceResult EngineTrace(const TraceOptions &options) {
  trace_options = options;
  trace_result = {};
  is_inside = false;
  trace_result.wrapper_cycles = WrapperCycles();
  LogHold();
  SetTracing(true);
  trace_result.status = static_cast<uint32_t>(interpreter->Invoke());
  SetTracing(false);
  LogRelease();
  TellWhatWasKept();
  return trace_result;
}

}  // namespace hil
