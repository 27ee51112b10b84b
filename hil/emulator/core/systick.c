// SysTick (ARM B3.3), driven by the cycle count: it fires at the same instruction in every run.
#include "board.h"

enum { CSR = 0x10, RVR = 0x14, CVR = 0x18, CALIB = 0x1c };
enum { CSR_ENABLE = 1 << 0, CSR_TICKINT = 1 << 1, CSR_COUNTFLAG = 1 << 16 };

static bool is_counting(const Board *board) {
  return board->scs.systick_control & CSR_ENABLE && board->scs.systick_load;
}

static uint64_t period(const Board *board) {
  return (uint64_t)board->scs.systick_load + 1;
}

// The block hook compares instructions, while SysTick also counts the time slept.
static void schedule(Board *board) {
  uint64_t at = UINT64_MAX;
  if (is_counting(board)) {
    const uint64_t due = board->scs.systick_start + period(board);
    const uint64_t idle = board->control.idle_cycles;
    at = due > idle ? due - idle : 0;
  }
  look_up_at(board, at);
}

void systick_advance(Board *board) {
  if (!is_counting(board)) return;
  while (cycles_now(board) >= board->scs.systick_start + period(board)) {
    board->scs.systick_start += period(board);
    board->scs.systick_count_flag = true;
    if (board->scs.systick_control & CSR_TICKINT) exception_pend(board, EXC_SYSTICK);
  }
  schedule(board);
}

void systick_reset(Board *board) {
  board->scs.systick_control = 0;
  board->scs.systick_load = 0;
  board->scs.systick_count_flag = false;
  schedule(board);
}

uint32_t systick_read(Board *board, uint32_t offset) {
  switch (offset) {
    case CSR: {
      systick_advance(board);
      const uint32_t flag = board->scs.systick_count_flag ? CSR_COUNTFLAG : 0;
      board->scs.systick_count_flag = false;
      return (board->scs.systick_control & 7) | flag;
    }
    case RVR:
      return board->scs.systick_load;
    case CVR:
      if (!is_counting(board)) return 0;
      return (uint32_t)(period(board) - 1 -
                        (cycles_exact(board) - board->scs.systick_start) % period(board));
    case CALIB:
      return 0xc0000000u;  // no reference clock, no calibration value
    default:
      return 0;
  }
}

void systick_write(Board *board, uint32_t offset, uint32_t value) {
  const bool was_counting = is_counting(board);
  switch (offset) {
    case CSR:
      board->scs.systick_control = value & 7;
      break;
    case RVR:
      board->scs.systick_load = value & 0xffffff;
      break;
    case CVR:
      board->scs.systick_start = cycles_exact(board);
      board->scs.systick_count_flag = false;
      break;
  }
  if (!was_counting && is_counting(board)) board->scs.systick_start = cycles_exact(board);
  schedule(board);
}
