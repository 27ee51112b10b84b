// Keeps stores to RAM fast.
//
// Unicorn 2.1 takes a slow path for every store to a page that it believes may hold code, and an
// ARMv7-M core may execute from all of RAM. Telling it page by page which RAM really holds code
// doubles the speed of an inference. Its memory hooks are kept off RAM for the same reason: one
// hook that covers an address is enough to keep all stores there slow.
#include <stdlib.h>
#include <string.h>

#include "board.h"

enum { TLB_VIRTUAL = 1, PAGE_SHIFT = 10 };  // the smallest page of ARMv7-M
#define ALL_PERMISSIONS (UC_PROT_READ | UC_PROT_WRITE | UC_PROT_EXEC)

static uint8_t *code_mark(Board *board, uint32_t address) {
  for (uint32_t i = 0; i < board->memory_count; i++) {
    Memory *memory = &board->memories[i];
    if (memory->code_pages && address - memory->base < memory->size)
      return &memory->code_pages[(address - memory->base) >> PAGE_SHIFT];
  }
  return NULL;
}

static bool on_tlb_fill(uc_engine *uc, uint64_t address, int type, TlbEntry *entry, void *user) {
  (void)uc;
  Board *board = user;
  const bool fetch = type == UC_MEM_FETCH;
  if (board->abandoned.active && !fetch) return false;
  if (!fetch) it_state_clear(board);
  *entry = (TlbEntry){address, ALL_PERMISSIONS};
  uint8_t *mark = code_mark(board, (uint32_t)address);
  if (!mark) return true;
  if (fetch && !*mark) {
    *mark = 1;
    // Entries made while the page held no code let stores through unseen.
    board->tlb_stale = true;
    look_up_now(board);
  }
  if (!*mark) entry->perms &= ~(uint32_t)UC_PROT_EXEC;
  return true;
}

bool tlb_init(Board *board) {
  size_t hook;
  return !board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_TLB_TYPE, 1), TLB_VIRTUAL) &&
         !board->api.hook_add(board->uc, &hook, UC_HOOK_TLB_FILL, (void *)on_tlb_fill, board, 1, 0);
}

bool tlb_track_code(Memory *memory) {
  memory->code_pages = calloc(memory->size >> PAGE_SHIFT, 1);
  return memory->code_pages != NULL;
}

// Forgets all entries; with `code_too` also which pages hold code, for when no translation is left.
void tlb_flush(Board *board, bool code_too) {
  for (uint32_t i = 0; code_too && i < board->memory_count; i++) {
    const Memory *memory = &board->memories[i];
    if (memory->code_pages) memset(memory->code_pages, 0, memory->size >> PAGE_SHIFT);
  }
  board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_TLB_FLUSH, 0));
  board->tlb_stale = false;
}

static int by_base(const void *left, const void *right) {
  const Memory *const *a = left, *const *b = right;
  return (*a)->base < (*b)->base ? -1 : 1;
}

// Adds `callback` for all invalid accesses outside RAM. Inside it there are none.
bool hook_outside_ram(Board *board, int types, void *callback) {
  const Memory *ram[MAX_MEMORIES];
  uint32_t count = 0;
  for (uint32_t i = 0; i < board->memory_count; i++)
    if (board->memories[i].writable) ram[count++] = &board->memories[i];
  qsort(ram, count, sizeof *ram, by_base);
  uint64_t begin = 0;
  size_t hook;
  for (uint32_t i = 0; i <= count; i++) {
    const uint64_t end = i < count ? ram[i]->base : (uint64_t)UINT32_MAX + 1;
    if (begin < end &&
        board->api.hook_add(board->uc, &hook, types, callback, board, begin, end - 1))
      return false;
    if (i < count) begin = (uint64_t)ram[i]->base + ram[i]->size;
  }
  return true;
}
