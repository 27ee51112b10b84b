// RAM and flash: host buffers that Unicorn executes from and that a debugger reads while it runs.
#include <string.h>
#include <sys/mman.h>

#include "board.h"

static uint8_t *find(Board *board, uint32_t address, uint32_t size, bool writable) {
  for (uint32_t i = 0; i < board->memory_count; i++) {
    const Memory *memory = &board->memories[i];
    const uint32_t offset = address - memory->base;
    if (offset < memory->size && size <= memory->size - offset)
      return writable && !memory->writable ? NULL : memory->host + offset;
  }
  return NULL;
}

uint8_t *memory_at(Board *board, uint32_t address, uint32_t size) {
  return find(board, address, size, false);
}

uint8_t *writable_memory_at(Board *board, uint32_t address, uint32_t size) {
  return find(board, address, size, true);
}

// RAM holds noise after power-on, as SRAM does: firmware that reads what it never wrote shows it.
// The noise is the same on every board, so that such a bug is at least repeatable.
static void fill_with_noise(uint8_t *bytes, uint32_t size) {
  uint32_t state = 0x9e3779b9u;
  for (uint32_t i = 0; i < size; i++) {
    state = state * 1664525u + 1013904223u;
    bytes[i] = (uint8_t)(state >> 24);
  }
}

int board_add_memory(Board *board, uint32_t base, uint32_t size, bool writable, uint32_t alias_of) {
  if (board->memory_count == MAX_MEMORIES) return NEVER;
  uint8_t *host = alias_of ? memory_at(board, alias_of, size) : NULL;
  if (alias_of && !host) return NEVER;
  if (!host) {
    host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (host == MAP_FAILED) return NEVER;
    if (writable)
      fill_with_noise(host, size);
    else
      memset(host, 0xff, size);
  }
  Memory *memory = &board->memories[board->memory_count++];
  *memory = (Memory){base, size, writable, host, NULL};
  if (writable && !tlb_track_code(memory)) return NEVER;
  const uint32_t perms = UC_PROT_READ | UC_PROT_EXEC | (writable ? UC_PROT_WRITE : 0);
  return board->api.mem_map_ptr(board->uc, base, size, perms, host);
}

bool board_read_memory(Board *board, uint32_t address, uint8_t *bytes, uint32_t size) {
  const uint8_t *host = memory_at(board, address, size);
  if (!host) return false;
  memcpy(bytes, host, size);
  return true;
}

bool board_write_memory(Board *board, uint32_t address, const uint8_t *bytes, uint32_t size,
                        bool halted) {
  if (!memory_at(board, address, size)) return false;
  uint8_t *host = writable_memory_at(board, address, size);
  if (!host) return true;  // flash: a plain bus write without the controller's leave is lost
  // Through Unicorn, so that code already translated from these bytes is thrown away.
  if (halted) return board->api.mem_write(board->uc, address, bytes, size) == UC_ERR_OK;
  memcpy(host, bytes, size);
  return true;
}

bool board_load(Board *board, uint32_t address, const uint8_t *bytes, uint32_t size) {
  uint8_t *host = memory_at(board, address, size);
  if (!host) return false;
  memcpy(host, bytes, size);
  translations_flush(board);
  return true;
}
