// Peripheral space: which register an access reaches, and peripherals that only store values.
#include <string.h>

#include "board.h"

enum { SCS_BYTE_PRIORITIES = 0x400, SCS_BYTE_PRIORITIES_END = 0x4f0 };
enum { SCS_SHPR = 0xd18, SCS_SHPR_END = 0xd24 };

Peripheral *peripheral_at(Board *board, uint32_t address) {
  // Mostly the same one again: firmware polls status registers.
  Peripheral *last = board->last_peripheral;
  if (last && address - last->base < last->size) return last;
  for (uint32_t i = 0; i < board->peripheral_count; i++) {
    Peripheral *peripheral = &board->peripherals[i];
    if (address - peripheral->base < peripheral->size) return board->last_peripheral = peripheral;
  }
  return NULL;
}

static StoredRegister *slot_of(Board *board, uint32_t address) {
  uint32_t i = address >> 2 & (STORED_REGISTERS - 1);
  while (board->stored[i].address && board->stored[i].address != address)
    i = (i + 1) & (STORED_REGISTERS - 1);
  return &board->stored[i];
}

uint32_t stored_value(Board *board, uint32_t address) {
  return slot_of(board, address)->value;
}

void stored_set(Board *board, uint32_t address, uint32_t value) {
  StoredRegister *stored = slot_of(board, address);
  stored->address = address;
  stored->value = value;
}

int board_set_register(Board *board, uint32_t address, uint32_t value) {
  if (!peripheral_at(board, address)) return NEVER;
  stored_set(board, address, value);
  slot_of(board, address)->reset_value = value;
  return UC_ERR_OK;
}

void bus_reset(Board *board) {
  for (uint32_t i = 0; i < STORED_REGISTERS; i++)
    board->stored[i].value = board->stored[i].reset_value;
}

static uint32_t mask_of(const ReadyRule *rule) {
  return rule->width >= 32 ? ~0u : (1u << rule->width) - 1;
}

static uint32_t read_stored(Board *board, uint32_t address) {
  uint32_t value = stored_value(board, address);
  for (uint32_t i = 0; i < board->ready_rule_count; i++) {
    const ReadyRule *rule = &board->ready_rules[i];
    if (rule->destination_address != address) continue;
    const uint32_t source =
        stored_value(board, rule->source_address) >> rule->source_shift & mask_of(rule);
    value &= ~(mask_of(rule) << rule->destination_shift);
    value |= source << rule->destination_shift;
  }
  return value;
}

static bool is_clocked(Board *board, const Peripheral *peripheral) {
  const uint32_t enable = peripheral->clock_enable_address;
  return !enable || stored_value(board, enable) & peripheral->clock_enable_mask;
}

uint32_t bus_read(Board *board, uint32_t address) {
  const Peripheral *peripheral = peripheral_at(board, address);
  if (!peripheral || !is_clocked(board, peripheral)) return 0;
  const uint32_t offset = address - peripheral->base;
  switch (peripheral->kind) {
    case PERIPHERAL_SCS:
      return scs_read(board, offset);
    case PERIPHERAL_DWT:
      return dwt_read(board, offset);
    case PERIPHERAL_RCC:
      return rcc_read(board, offset);
    case PERIPHERAL_FLASH:
      return flash_read(board, offset);
    case PERIPHERAL_USART:
      return usart_read(board, peripheral->index, offset);
    case PERIPHERAL_REGISTERS:
    case PERIPHERAL_GPIO:
    case PERIPHERAL_READ_ONLY:
      return read_stored(board, address);
  }
  return 0;
}

void bus_write(Board *board, uint32_t address, uint32_t value, bool from_debugger) {
  const Peripheral *peripheral = peripheral_at(board, address);
  if (!peripheral || !is_clocked(board, peripheral)) return;
  const uint32_t offset = address - peripheral->base;
  switch (peripheral->kind) {
    case PERIPHERAL_SCS:
      scs_write(board, offset, value);
      break;
    case PERIPHERAL_DWT:
      dwt_write(board, offset, value, from_debugger);
      break;
    case PERIPHERAL_RCC:
      rcc_write(board, offset, value);
      break;
    case PERIPHERAL_FLASH:
      flash_write(board, offset, value);
      break;
    case PERIPHERAL_USART:
      usart_write(board, peripheral->index, offset, value);
      break;
    case PERIPHERAL_REGISTERS:
    case PERIPHERAL_GPIO:
      stored_set(board, address, value);
      break;
    case PERIPHERAL_READ_ONLY:
      break;
  }
}

// Whether a byte or halfword write leaves the rest of the word as it was. Registers whose bits act
// when written as 1 must not see the old value again.
static bool keeps_neighbours(const Peripheral *peripheral, uint32_t offset) {
  switch (peripheral->kind) {
    case PERIPHERAL_SCS:
      return (offset >= SCS_BYTE_PRIORITIES && offset < SCS_BYTE_PRIORITIES_END) ||
             (offset >= SCS_SHPR && offset < SCS_SHPR_END);
    case PERIPHERAL_USART:
    case PERIPHERAL_DWT:
      return false;
    default:
      return true;
  }
}

void bus_write_sized(Board *board, uint32_t address, uint32_t value, unsigned size) {
  const uint32_t word = address & ~3u, shift = 8 * (address & 3);
  if (size < 4) {
    const uint32_t mask = ((1u << (8 * size)) - 1) << shift;
    const Peripheral *peripheral = peripheral_at(board, word);
    const bool keep = peripheral && keeps_neighbours(peripheral, word - peripheral->base);
    value = (value << shift & mask) | (keep ? bus_read(board, word) & ~mask : 0);
  }
  bus_write(board, word, value, false);
}
