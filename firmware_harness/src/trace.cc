#include "trace.h"

#include "frame.h"

namespace hil {
namespace {

constexpr uint32_t kChunkBytes = HIL_MAX_PAYLOAD_BYTES - sizeof(HilOperatorData);

}  // namespace

void SendOperator(const HilOperator &facts) {
  SendFrame(HIL_MESSAGE_OPERATOR, 0, &facts, sizeof facts);
}

void SendOperatorData(uint32_t index, uint32_t output, const uint8_t *data, uint32_t size) {
  for (uint32_t offset = 0; offset < size; offset += kChunkBytes) {
    const uint32_t left = size - offset;
    const HilOperatorData header = {index, output, offset};
    SendFrame(HIL_MESSAGE_OPERATOR_DATA, 0, &header, sizeof header, data + offset,
              left < kChunkBytes ? left : kChunkBytes);
  }
}

}  // namespace hil
