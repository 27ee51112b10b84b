// Cycle counter of the DWT unit (ARM C1.8). CYCCNT counts instructions plus the time slept.
//
// As on silicon it needs DEMCR.TRCENA, and writes from software need the lock opened first
// (CoreSight lock access register; Cortex-M7 TRM 14.2).
#include "board.h"

enum { CTRL = 0x000, CYCCNT = 0x004, LAR = 0xfb0, LSR = 0xfb4 };
enum { CTRL_CYCCNTENA = 1, LOCK_KEY = (int)0xc5acce55u };

static bool is_powered(const Board *board) {
  return board->control.demcr & DEMCR_TRCENA;
}

static bool is_counting(const Board *board) {
  return is_powered(board) && board->dwt.control & CTRL_CYCCNTENA;
}

void dwt_reset(Board *board) {
  board->dwt = (Dwt){0};
}

// CYCCNT holds either the cycle it started from or, standing still, its own value.
static void start_or_stop(Board *board, bool was_counting) {
  if (was_counting != is_counting(board)) board->dwt.base = cycles_exact(board) - board->dwt.base;
}

void dwt_write_demcr(Board *board, uint32_t value) {
  const bool was_counting = is_counting(board);
  board->control.demcr = value;
  start_or_stop(board, was_counting);
}

uint32_t dwt_read(Board *board, uint32_t offset) {
  if (offset == LSR) return board->dwt.unlocked ? 1 : 3;
  if (!is_powered(board)) return 0;
  switch (offset) {
    case CTRL:
      return board->dwt.control;
    case CYCCNT:
      return (uint32_t)(is_counting(board) ? cycles_exact(board) - board->dwt.base
                                           : board->dwt.base);
    default:
      return 0;
  }
}

void dwt_write(Board *board, uint32_t offset, uint32_t value, bool from_debugger) {
  if (offset == LAR) {
    board->dwt.unlocked = value == (uint32_t)LOCK_KEY;
    return;
  }
  if (!is_powered(board) || !(board->dwt.unlocked || from_debugger)) return;
  if (offset == CYCCNT) board->dwt.base = is_counting(board) ? cycles_exact(board) - value : value;
  if (offset == CTRL) {
    const bool was_counting = is_counting(board);
    board->dwt.control = value & CTRL_CYCCNTENA;
    start_or_stop(board, was_counting);
  }
}
