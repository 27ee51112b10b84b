// Whether the FPU is on, and whether there is floating-point state that an exception must stack.
//
// Unicorn sets CONTROL.FPCA in the first floating-point instruction of a block that was translated
// while it was 0. That goes wrong in IT blocks: where that instruction is not executed, the next
// one forgets to set FPCA; and what was translated while FPCA was 0 may follow after it was set,
// which sets FPSCR back. Therefore FPCA is set here before the first block that uses the FPU.
#include "board.h"

enum { FPDSCR_BITS = 0x07c00000 };  // AHP, DN, FZ, RMode

bool float_is_enabled(const Board *board) {
  return board->scs.cpacr >> 20 & 1;
}

// Called when CONTROL was written.
void float_state_changed(Board *board) {
  board->control_written = false;
  const bool active = register_read(board, UC_ARM_REG_CONTROL) & CONTROL_FPCA;
  board->blocks.compared = active ? ~(uint64_t)BLOCK_HAS_FLOAT : UINT64_MAX;
}

// ARM B1.5.7, ExecuteFPCheck.
void float_begin(Board *board) {
  board->float_begins = false;
  board->float_begun_at = board->control.instructions;
  const uint32_t control = register_read(board, UC_ARM_REG_CONTROL);
  const uint32_t fpscr = register_read(board, UC_ARM_REG_FPSCR);
  if (!(control & CONTROL_FPCA))
    register_write(board, UC_ARM_REG_FPSCR,
                   (fpscr & ~(uint32_t)FPDSCR_BITS) | (board->scs.fpdscr & FPDSCR_BITS));
  register_write(board, UC_ARM_REG_CONTROL, control | CONTROL_FLOAT);
  float_state_changed(board);
}

// Execution left the current block at `pc`: was that before its first use of the FPU?
void float_take_back(Board *board, uint32_t pc) {
  const Block *block = board->current;
  if (!block || !(block->key & BLOCK_HAS_FLOAT) ||
      board->control.instructions != board->float_begun_at + block->instructions)
    return;
  const uint32_t address = block_address(block);
  if (pc - address >= block_size(block)) return;
  for (uint32_t at = address; at <= pc; at += is_wide(*memory_at(board, at + 1, 1)) ? 4 : 2)
    if (is_float(board, at)) return;
  const uint32_t control = register_read(board, UC_ARM_REG_CONTROL);
  register_write(board, UC_ARM_REG_CONTROL, control & ~(uint32_t)CONTROL_FLOAT);
  float_state_changed(board);
}
