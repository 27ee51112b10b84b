// Building a board, resetting it, and the debugger's view of its registers.
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t core_abi(void) {
  return CORE_ABI;
}

Board *board_new(const char *unicorn_path, const BoardChip *chip, char *error, size_t error_size) {
  Board *board = calloc(1, sizeof *board);
  if (!board) {
    snprintf(error, error_size, "out of memory");
    return NULL;
  }
  board->chip = *chip;
  board->control.line_fd = board->control.wake_fd = NEVER;
  board->control.line_seed = 1;
  board->line.usart = MAX_USARTS;
  if (!unicorn_load(unicorn_path, &board->api, error, error_size)) goto fail;
  const int code = board->api.open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, &board->uc);
  if (code) {
    snprintf(error, error_size, "Unicorn: %s", board->api.strerror(code));
    goto fail;
  }
  if (!blocks_init(&board->blocks) || !run_init(board)) {
    snprintf(error, error_size, "Unicorn does not take this CPU or these hooks");
    goto fail;
  }
  return board;
fail:
  board_free(board);
  return NULL;
}

void board_free(Board *board) {
  if (board->uc) board->api.close(board->uc);
  free(board->blocks.slots);
  trace_free(board);
  free(board);
}

BoardControl *board_control(Board *board) {
  return &board->control;
}

int board_add_peripheral(Board *board, uint32_t kind, uint32_t base, uint32_t size, uint32_t index,
                         uint32_t clock_enable_address, uint32_t clock_enable_mask) {
  if (board->peripheral_count == MAX_PERIPHERALS) return NEVER;
  board->peripherals[board->peripheral_count++] = (Peripheral){
      base, size, (PeripheralKind)kind, index, clock_enable_address, clock_enable_mask};
  return UC_ERR_OK;
}

int board_add_ready_rule(Board *board, const ReadyRule *rule) {
  if (board->ready_rule_count == MAX_READY_RULES) return NEVER;
  board->ready_rules[board->ready_rule_count++] = *rule;
  return UC_ERR_OK;
}

// Everything but RAM and what only power-on resets (DEMCR, DFSR: ARM C1.6).
void board_reset(Board *board, ResetCause cause) {
  board->stop = STOP_NONE;
  board->control.locked_up = 0;
  board->control.internal_error = 0;
  board->control.refusal[0] = 0;
  board->float_ahead = board->float_begins = false;
  board->current = NULL;
  bus_reset(board);
  scs_reset(board);
  dwt_reset(board);
  flash_reset(board);
  usart_reset(board);
  line_reset(board);
  rcc_reset(board, cause);
  if (board->flash.changed) translations_flush(board);
  board->flash.changed = false;

  register_write(board, UC_ARM_REG_IPSR, 0);
  register_write(board, UC_ARM_REG_CONTROL, 0);
  float_state_changed(board);
  register_write(board, UC_ARM_REG_PRIMASK, 0);
  register_write(board, UC_ARM_REG_FAULTMASK, 0);
  register_write(board, UC_ARM_REG_BASEPRI, 0);
  register_write(board, UC_ARM_REG_LR, 0xffffffffu);
  uint32_t vectors[2] = {0, 0};
  board_read_memory(board, board->scs.vtor, (uint8_t *)vectors, sizeof vectors);
  register_write(board, UC_ARM_REG_SP, vectors[0] & ~3u);
  register_write(board, UC_ARM_REG_XPSR, 1u << 24);
  register_write(board, UC_ARM_REG_PC, vectors[1] | 1);
}

bool board_has_peripheral(Board *board, uint32_t address) {
  return peripheral_at(board, address) != NULL;
}

uint32_t board_read_register(Board *board, uint32_t address) {
  board->pc_synced = false;
  return bus_read(board, address);
}

void board_write_register(Board *board, uint32_t address, uint32_t value) {
  board->pc_synced = false;
  bus_write(board, address, value, true);
}

enum {
  REGSEL_R12 = 12,
  REGSEL_SP = 13,
  REGSEL_LR = 14,
  REGSEL_PC = 15,
  REGSEL_XPSR = 16,
  REGSEL_MSP = 17,
  REGSEL_PSP = 18,
  REGSEL_SPECIAL = 20,  // CONTROL, FAULTMASK, BASEPRI, PRIMASK
  REGSEL_FPSCR = 33,
  REGSEL_S0 = 64,
  REGSEL_S31 = 95,
};

// Unicorn's number of a core register, or NEVER.
static int unicorn_register(uint32_t number) {
  if (number <= REGSEL_R12) return UC_ARM_REG_R0 + (int)number;
  if (number >= REGSEL_S0 && number <= REGSEL_S31) return UC_ARM_REG_S0 + (int)(number - REGSEL_S0);
  switch (number) {
    case REGSEL_SP:
      return UC_ARM_REG_SP;
    case REGSEL_LR:
      return UC_ARM_REG_LR;
    case REGSEL_PC:
      return UC_ARM_REG_PC;
    case REGSEL_XPSR:
      return UC_ARM_REG_XPSR;
    case REGSEL_MSP:
      return UC_ARM_REG_MSP;
    case REGSEL_PSP:
      return UC_ARM_REG_PSP;
    case REGSEL_FPSCR:
      return UC_ARM_REG_FPSCR;
    default:
      return NEVER;
  }
}

static const struct {
  int reg;
  uint32_t shift;
} special_registers[] = {
    {UC_ARM_REG_PRIMASK, 0},
    {UC_ARM_REG_BASEPRI, 8},
    {UC_ARM_REG_FAULTMASK, 16},
    {UC_ARM_REG_CONTROL, 24},
};

uint32_t board_read_core_register(Board *board, uint32_t number) {
  if (number == REGSEL_SPECIAL) {
    uint32_t value = 0;
    for (size_t i = 0; i < sizeof special_registers / sizeof *special_registers; i++)
      value |= (register_read(board, special_registers[i].reg) & 0xff)
               << special_registers[i].shift;
    return value & ~((uint32_t)CONTROL_SFPA << 24);
  }
  const int reg = unicorn_register(number);
  return reg == NEVER ? 0 : register_read(board, reg);
}

void board_write_core_register(Board *board, uint32_t number, uint32_t value) {
  if (number == REGSEL_SPECIAL) {
    if (value >> 24 & CONTROL_FPCA) value |= (uint32_t)CONTROL_SFPA << 24;
    for (size_t i = 0; i < sizeof special_registers / sizeof *special_registers; i++)
      register_write(board, special_registers[i].reg, value >> special_registers[i].shift & 0xff);
    float_state_changed(board);
    return;
  }
  const int reg = unicorn_register(number);
  if (number == REGSEL_XPSR)
    xpsr_write(board, value);
  else if (reg != NEVER)
    register_write(board, reg, number == REGSEL_PC ? value | 1 : value);
}
