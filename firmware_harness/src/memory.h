// How much of arena and stack is really written to: both are filled with a pattern first.
#ifndef HIL_MEMORY_H
#define HIL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

namespace hil {

struct ArenaTouch {
  uint32_t touched_bytes;         // words of the part in use that lost the pattern
  uint32_t beyond_touched_bytes;  // words outside of it that did
};

struct StackUse {
  uint32_t stack_bytes;  // 0: unknown here
  uint32_t used_bytes;   // most that was ever in use since the last PaintStack
};

// Fills what is free of the stack at this moment.
void PaintStack();
StackUse StackHighWater();

// Fills the whole arena: no interpreter survives it.
void PoisonArena();

// What was written since, when the first `used_bytes` of the arena are in use.
ArenaTouch ArenaTouched(uint32_t used_bytes);

}  // namespace hil

#endif
