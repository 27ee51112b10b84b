// How many instructions each block of translated code holds, found by decoding it once.
//
// "Instructions" are issued instructions: those of an IT block whose condition fails count too.
#include <stdlib.h>
#include <string.h>

#include "board.h"

enum { INITIAL_BLOCKS = 1 << 14 };

bool blocks_init(BlockTable *table) {
  table->slots = calloc(INITIAL_BLOCKS, sizeof(Block));
  table->mask = table->lookup_mask = INITIAL_BLOCKS - 1;
  table->compared = UINT64_MAX;
  return table->slots != NULL;
}

uint32_t instruction_count(const uint8_t *code, uint32_t size) {
  uint32_t count = 0;
  for (uint32_t at = 0; at + 1 < size; count++) at += is_wide(code[at + 1]) ? 4 : 2;
  return count;
}

static bool has_float(Board *board, uint32_t address, const uint8_t *code, uint32_t size) {
  for (uint32_t at = 0; at + 1 < size; at += is_wide(code[at + 1]) ? 4 : 2)
    if (is_float(board, address + at)) return true;
  return false;
}

static Block *slot_of(Block *slots, uint32_t mask, uint64_t key) {
  uint32_t i = (uint32_t)(key >> 33) & mask;
  while (i == 0 || (slots[i].key && (slots[i].key & ~(uint64_t)BLOCK_HAS_FLOAT) != key))
    i = (i + 1) & mask;
  return &slots[i];
}

void blocks_clear(BlockTable *table) {
  memset(table->slots, 0, (table->mask + 1ul) * sizeof *table->slots);
  table->used = 0;
}

static void grow(Board *board) {
  BlockTable *table = &board->blocks;
  const uint32_t mask = 2 * table->mask + 1;
  Block *larger = calloc(mask + 1ul, sizeof(Block));
  if (!larger) abort();
  for (uint32_t i = 1; i <= table->mask; i++)
    if (table->slots[i].key)
      *slot_of(larger, mask, table->slots[i].key & ~(uint64_t)BLOCK_HAS_FLOAT) = table->slots[i];
  free(table->slots);
  table->slots = larger;
  table->mask = mask;
  board->current = NULL;
  count_on(board);
}

// The block's entry, decoded and added when it is new.
Block *blocks_search(Board *board, uint32_t address, uint32_t size, bool *is_new) {
  const uint64_t key = block_key(address, size);
  Block *block = slot_of(board->blocks.slots, board->blocks.mask, key);
  *is_new = !block->key;
  if (block->key) return block;
  if (board->blocks.used > board->blocks.mask / 2) {
    grow(board);
    block = slot_of(board->blocks.slots, board->blocks.mask, key);
  }
  const uint8_t *code = memory_at(board, address, size);
  const bool uses_float = code && has_float(board, address, code, size);
  *block =
      (Block){key | (uses_float ? BLOCK_HAS_FLOAT : 0), code ? instruction_count(code, size) : 1};
  board->blocks.used++;
  return block;
}

// Instructions that an IT block still holds (ARM A7.3.2).
uint32_t it_block_rest(uint32_t it_state) {
  return it_state & 0xf ? 4 - (uint32_t)__builtin_ctz(it_state & 0xf) : 0;
}

// Bytes of the `count` instructions at `address`.
uint32_t code_size(Board *board, uint32_t address, uint32_t count) {
  uint32_t size = 0;
  const uint8_t *code;
  while (count-- && (code = memory_at(board, address + size, 2))) size += is_wide(code[1]) ? 4 : 2;
  return size;
}

// How many instructions a step executed that began at `pc`, where the state was `xpsr`, and went to
// PC; `size` is that of their code. An IT block is executed as a whole.
uint32_t step_count(Board *board, uint32_t pc, uint32_t xpsr, uint32_t *size) {
  const uint8_t *code = memory_at(board, pc, 2);
  *size = 0;
  if (!code) return 0;
  const bool is_it = code[1] == 0xbf && code[0] & 0xf;
  uint32_t left = is_it ? 1 + it_block_rest(code[0]) : it_block_rest(it_state_of(xpsr));
  if (!left) left = 1;
  const uint32_t now = register_read(board, UC_ARM_REG_PC);
  const bool failed = board->usage_fault || board->memory_error || board->invalid_instruction ||
                      board->intr == UC_INTR_BKPT || board->intr == UC_INTR_NOCP;
  uint32_t count = 0;
  while (count < left && (code = memory_at(board, pc + *size, 2))) {
    // Left within these instructions, at their end, or by a branch in the last one.
    if (pc + *size == now && (count || failed)) break;
    *size += is_wide(code[1]) ? 4 : 2;
    count++;
  }
  return count;
}

// Instructions of the current block from `pc` to its end: counted on entry, not executed yet.
uint32_t block_remaining(Board *board, uint32_t pc) {
  const Block *block = board->current;
  if (!block) return 0;
  const uint32_t address = block_address(block), size = block_size(block);
  if (pc - address >= size) return 0;
  const uint32_t left = address + size - pc;
  const uint8_t *code = memory_at(board, pc, left);
  return code ? instruction_count(code, left) : 0;
}
