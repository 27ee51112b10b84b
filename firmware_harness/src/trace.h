// Tells the host what each operator of an inference did, while the inference goes on.
//
// What is told goes out as frames between two operators or after the last one, outside the cycles
// that are counted. No arena is used for it.
#ifndef HIL_TRACE_H
#define HIL_TRACE_H

#include <stdint.h>

#include "protocol.h"

namespace hil {

struct TraceOptions {
  uint32_t flags;        // HIL_TRACE_* of protocol.h
  uint32_t first, last;  // operators whose outputs are sent
};

void SendOperator(const HilOperator &facts);
void SendOperatorData(uint32_t index, uint32_t output, const uint8_t *data, uint32_t size);

}  // namespace hil

#endif
