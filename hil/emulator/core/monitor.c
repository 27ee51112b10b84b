// The local exclusive monitor of LDREX and STREX (ARM A3.4), which an exception clears.
//
// Unicorn offers no way to clear it but CLREX, so that is executed: from the first bytes of flash,
// which hold the initial SP and are never code.
#include <string.h>

#include "board.h"

enum { CODE_BYTES = 6 };

// Called at exception entry and return (ARM B1.5.6, B1.5.8), before PC and ITSTATE are written.
void monitor_clear(Board *board) {
  static const uint8_t clrex_bkpt[CODE_BYTES] = {0xbf, 0xf3, 0x2f, 0x8f, 0x00, 0xbe};
  if (!board->exclusive_open) return;
  board->exclusive_open = false;
  const uint32_t at = board->flash.base;
  uint8_t before[CODE_BYTES];
  memcpy(before, board->flash.host, CODE_BYTES);
  memcpy(board->flash.host, clrex_bkpt, CODE_BYTES);
  board->current = NULL;
  board->clearing_monitor = true;
  look_up_now(board);
  it_state_clear(board);
  board->api.emu_start(board->uc, at | 1, 0, 0, 0);
  board->clearing_monitor = false;
  board->intr = NEVER;
  memcpy(board->flash.host, before, CODE_BYTES);
  board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_TB_REMOVE_CACHE, 2), (uint64_t)at,
                 (uint64_t)at + CODE_BYTES);
}
