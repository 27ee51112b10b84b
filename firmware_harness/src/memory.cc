#include "memory.h"

#include "engine.h"
#include "port.h"

namespace hil {
namespace {

// Unlikely as an address, an index, a float or four int8 values of a real computation.
constexpr uint32_t kPattern = 0xC5A3D7E9u;
// Left alone below the painter's own frame: what it calls needs room too.
constexpr size_t kMarginWords = 32;

uint32_t *ArenaWords() {
  return reinterpret_cast<uint32_t *>(EngineArena());
}

uint32_t WordsIn(uint32_t bytes) {
  return bytes / static_cast<uint32_t>(sizeof(uint32_t));
}

uint32_t Bytes(uint32_t words) {
  return words * static_cast<uint32_t>(sizeof(uint32_t));
}

}  // namespace

__attribute__((noinline)) void PaintStack() {
  const port_stack stack = port_stack_memory();
  if (stack.start == nullptr) return;
  volatile uint32_t here = 0;
  const uintptr_t end = reinterpret_cast<uintptr_t>(&here) - kMarginWords * sizeof(uint32_t);
  for (volatile uint32_t *word = stack.start; reinterpret_cast<uintptr_t>(word) < end; word++)
    *word = kPattern;
}

StackUse StackHighWater() {
  const port_stack stack = port_stack_memory();
  if (stack.start == nullptr) return {0, 0};
  const uint32_t words = static_cast<uint32_t>(stack.end - stack.start);
  uint32_t untouched = 0;
  while (untouched < words && stack.start[untouched] == kPattern) untouched++;
  return {Bytes(words), Bytes(words - untouched)};
}

void PoisonArena() {
  uint32_t *words = ArenaWords();
  const uint32_t count = WordsIn(EngineArenaCapacity());
  for (uint32_t i = 0; i < count; i++) words[i] = kPattern;
}

ArenaTouch ArenaTouched(uint32_t used_bytes) {
  const uint32_t *words = ArenaWords();
  const uint32_t used = WordsIn(used_bytes), all = WordsIn(EngineArenaCapacity());
  ArenaTouch touch = {};
  for (uint32_t i = 0; i < all; i++)
    if (words[i] != kPattern)
      (i < used ? touch.touched_bytes : touch.beyond_touched_bytes) += Bytes(1);
  return touch;
}

}  // namespace hil
