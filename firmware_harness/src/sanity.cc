#include "sanity.h"

#include "port.h"
#include "port_cycles.h"

namespace hil {
namespace {

constexpr int kWindows = 16;
constexpr uint32_t kKernelTurns = 4096;
constexpr uint32_t kTurnCycles = 256;

// A turn takes at least kTurnCycles, so a counter that stands still ends the loop too.
uint32_t Spin(uint32_t cycles) {
  const uint32_t start = port_cycles();
  uint32_t spun = 0;
  for (uint32_t turn = 0; turn <= cycles / kTurnCycles && spun < cycles; turn++) {
    for (uint32_t i = 0; i < kTurnCycles; i++) __asm__ volatile("");
    spun = port_cycles() - start;
  }
  return spun;
}

uint32_t EmptyWindow() {
  uint32_t least = 0xFFFFFFFFu;
  for (int i = 0; i < kWindows; i++) {
    const uint32_t start = port_cycles();
    const uint32_t cost = port_cycles() - start;
    if (cost < least) least = cost;
  }
  return least;
}

// Multiply-accumulates over a xorshift sequence (Marsaglia 2003, 13/17/5): integers only, in
// registers only, the same answer everywhere. The seed is volatile so that it is not worked out by
// the compiler.
__attribute__((noinline)) uint32_t FixedKernel() {
  static volatile uint32_t seed = 0x12345678u;
  uint32_t state = seed, sum = 0;
  for (uint32_t turn = 0; turn < kKernelTurns; turn++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    sum += (state & 0xFFu) * (state >> 24);
  }
  return sum;
}

}  // namespace

HilSanityReply CheckSanity(uint32_t spin_cycles) {
  HilSanityReply reply = {};
  reply.empty_window_cycles = EmptyWindow();
  const uint32_t start = port_cycles();
  reply.kernel_result = FixedKernel();
  reply.kernel_cycles = port_cycles() - start;
  reply.caches = port_caches();
  reply.flash_wait_states = port_flash_wait_states();
  reply.core_clock_hz = port_core_clock_hz();
  reply.spun_cycles = Spin(spin_cycles);
  return reply;
}

}  // namespace hil
