// Interrupt controller registers (ARM B3.4); offsets are within the system control space.
#include <string.h>

#include "board.h"

enum {
  ISER = 0x100,
  ICER = 0x180,
  ISPR = 0x200,
  ICPR = 0x280,
  IABR = 0x300,
  IPR = 0x400,
  IPR_END = 0x4f0,
  BANK_SIZE = 0x20,
  STIR = 0xf00,
};

static bool in_bank(uint32_t offset, uint32_t bank) {
  return offset - bank < BANK_SIZE;
}

bool nvic_has(uint32_t offset) {
  return (offset >= ISER && offset < IPR_END) || offset == STIR;
}

// Interrupt 0 is exception 16, so each 32-bit bank straddles two words of the exception bitmaps.
static uint32_t bank_word(const uint32_t *words, uint32_t index) {
  const uint32_t high = index + 1 < EXCEPTION_WORDS ? words[index + 1] << 16 : 0;
  return words[index] >> 16 | high;
}

static void bank_change(uint32_t *words, uint32_t index, uint32_t mask, bool set) {
  const uint64_t wide = (uint64_t)mask << 16;
  const uint32_t low = (uint32_t)wide, high = (uint32_t)(wide >> 32);
  words[index] = set ? words[index] | low : words[index] & ~low;
  if (index + 1 < EXCEPTION_WORDS)
    words[index + 1] = set ? words[index + 1] | high : words[index + 1] & ~high;
}

uint32_t nvic_read(Board *board, uint32_t offset) {
  const Nvic *nvic = &board->nvic;
  const uint32_t index = (offset & (BANK_SIZE - 1)) / 4;
  if (in_bank(offset, ISER) || in_bank(offset, ICER)) return bank_word(nvic->enabled, index);
  if (in_bank(offset, ISPR) || in_bank(offset, ICPR)) return bank_word(nvic->pending, index);
  if (in_bank(offset, IABR)) return bank_word(nvic->active, index);
  uint32_t value = 0;
  if (offset >= IPR && offset < IPR_END)
    memcpy(&value, &nvic->priority[EXC_IRQ0 + offset - IPR], sizeof value);
  return value;
}

void nvic_write(Board *board, uint32_t offset, uint32_t value) {
  Nvic *nvic = &board->nvic;
  const uint32_t index = (offset & (BANK_SIZE - 1)) / 4;
  if (in_bank(offset, ISER)) bank_change(nvic->enabled, index, value, true);
  if (in_bank(offset, ICER)) bank_change(nvic->enabled, index, value, false);
  if (in_bank(offset, ISPR)) bank_change(nvic->pending, index, value, true);
  if (in_bank(offset, ICPR)) bank_change(nvic->pending, index, value, false);
  if (offset >= IPR && offset < IPR_END) {
    value &= 0xf0f0f0f0u;  // four priority bits are implemented
    memcpy(&nvic->priority[EXC_IRQ0 + offset - IPR], &value, sizeof value);
  }
  if (offset == STIR) exception_pend(board, EXC_IRQ0 + (value & 0x1ff) % (EXCEPTION_COUNT - 16));
  nvic->any_pending = true;
  look_up_now(board);
}
