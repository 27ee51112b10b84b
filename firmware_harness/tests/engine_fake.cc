// A model without TFLM: two inputs and two outputs, and what goes wrong on request.
#include <string.h>

#include "crash.h"
#include "crc32.h"
#include "engine.h"
#include "image.h"
#include "log.h"

namespace hil {
namespace {

constexpr uint32_t kArenaBytes = 65536;
constexpr uint32_t kArenaMinimum = 64;
constexpr uint32_t kLargeBytes = 3000;  // more than one frame holds
constexpr uint32_t kSmallBytes = 4;

// What the first byte of input 0 asks the next inference to do.
enum { kTalk = 0x7f, kFail = 0x7e, kStop = 0x7d, kTalkTooMuch = 0x7c };
// Arena sizes that fail.
enum { kArenaThatFails = 1000, kArenaOfAnotherSchema = 1001 };
// One that is written beyond.
enum { kArenaThatOverflows = 2048 };

uint32_t arena[kArenaBytes / 4];
uint8_t large_input[kLargeBytes], small_input[kSmallBytes];
uint8_t large_output[kLargeBytes], small_output[kSmallBytes];

TensorFacts Facts(uint8_t *data, uint32_t bytes, uint32_t type) {
  TensorFacts facts = {};
  facts.type = type;
  facts.rank = 2;
  facts.shape[0] = 1;
  facts.shape[1] = static_cast<int32_t>(bytes);
  facts.bytes = bytes;
  facts.scale = 0.5f;
  facts.zero_point = -3;
  facts.data = data;
  return facts;
}

}  // namespace

ModelFacts EngineModel() {
  return {1234, 3, 5, 2, 2};
}

uint8_t *EngineArena() {
  return reinterpret_cast<uint8_t *>(arena);
}

uint32_t EngineArenaCapacity() {
  return kArenaBytes;
}

uint32_t EngineArenaMinimum() {
  return kArenaMinimum;
}

uint32_t EngineAllocate(uint32_t arena_bytes, ArenaUse *use) {
  if (arena_bytes == kArenaOfAnotherSchema) return HIL_ALLOCATE_SCHEMA_VERSION;
  if (arena_bytes == kArenaThatFails) {
    for (int i = 0; i < 30; i++) LogText("0123456789");  // longer than a line of the log
    LogText("Arena size is too small\n");
    return HIL_ALLOCATE_FAILED;
  }
  // As TFLM uses it: from both ends, and in this model a word beyond it.
  arena[0] = arena[1] = arena[arena_bytes / 4 - 1] = 0;
  if (arena_bytes == kArenaThatOverflows) arena[arena_bytes / 4] = 0;
  *use = {arena_bytes / 2, arena_bytes / 8, arena_bytes / 2 - arena_bytes / 8};
  return HIL_ALLOCATE_OK;
}

bool EngineInput(uint32_t index, TensorFacts *facts) {
  if (index > 1) return false;
  *facts = index == 0 ? Facts(large_input, kLargeBytes, 9) : Facts(small_input, kSmallBytes, 1);
  return true;
}

bool EngineOutput(uint32_t index, TensorFacts *facts) {
  if (index > 1) return false;
  *facts = index == 0 ? Facts(large_output, kLargeBytes, 9) : Facts(small_output, kSmallBytes, 1);
  return true;
}

Measurement EngineInvoke() {
  LogHold();
  switch (large_input[0]) {
    case kTalk:
      LogText("during the measurement\n");
      break;
    case kTalkTooMuch:
      for (int i = 0; i < 100; i++) LogText("more than the buffer holds\n");
      break;
    case kStop: {
      LogText("a check failed\n");
      HilCrash crash = {};
      crash.kind = HIL_CRASH_CHECK;
      crash.pc = 0x08001234;
      hil_crash(&crash);
    }
  }
  for (uint32_t i = 0; i < kLargeBytes; i++) large_output[i] = large_input[kLargeBytes - 1 - i];
  memcpy(small_output, small_input, kSmallBytes);
  // The planner may give an input's memory to something else.
  const bool failed = large_input[0] == kFail;
  memset(large_input, 0xEE, kLargeBytes);
  LogRelease();
  return {failed ? 1u : 0u, 0x123456789ull};
}

// Two operators: one reverses the large input, one copies the small one.
TraceResult EngineTrace(const TraceOptions &options) {
  const uint8_t *inputs[] = {large_input, small_input};
  const uint8_t *outputs[] = {large_output, small_output};
  const uint32_t sizes[] = {kLargeBytes, kSmallBytes};
  uint32_t crcs[] = {Crc32(0, inputs[0], sizes[0]), Crc32(0, inputs[1], sizes[1])};
  const Measurement measurement = EngineInvoke();
  for (uint32_t i = 0; i < 2; i++) {
    HilOperator facts = {i, measurement.status, 100 + i, 0, 0, sizes[i]};
    if (options.flags & HIL_TRACE_CRC) {
      facts.input_crc = crcs[i];
      facts.output_crc = Crc32(0, outputs[i], sizes[i]);
    }
    SendOperator(facts);
    if (options.flags & HIL_TRACE_DATA && i >= options.first && i <= options.last)
      SendOperatorData(i, 0, outputs[i], sizes[i]);
  }
  return {measurement.status, 2, 201, 7};
}

const ImageIdentity &ThisImage() {
  static const uint8_t build_id[HIL_BUILD_ID_BYTES] = {1, 2, 3};
  static const uint8_t model_sha256[HIL_MODEL_HASH_BYTES] = {4, 5, 6};
  static const char target[HIL_TARGET_NAME_BYTES] = "host";
  static const ImageIdentity identity = {build_id, model_sha256, target};
  return identity;
}

}  // namespace hil
