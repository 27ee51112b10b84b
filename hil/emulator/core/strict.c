// What silicon punishes in ways that nobody can read off it, and firmware that only ever ran on a
// forgiving emulator gets wrong: the board stops and says what it is.
#include <stdarg.h>
#include <stdio.h>

#include "board.h"

enum { CCR_DC = 1 << 16, CCR_IC = 1 << 17, MPU_CTRL_ENABLE = 1 << 0 };
enum { WAYS_SHIFT = 30, SET_SHIFT = 5 };
enum { PWR_CR1_ODEN = 1 << 16, PWR_CR1_ODSWEN = 1 << 17, ACR_LATENCY = 0xf };
enum { PLL_MIN_INPUT_HZ = 950000, PLL_MAX_INPUT_HZ = 2100000 };  // DS table 43
#define ALL_SETS 0xffffffffu

void refuse(Board *board, const char *format, ...) {
  if (board->control.lenient || board->control.refusal[0]) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(board->control.refusal, sizeof board->control.refusal, format, arguments);
  va_end(arguments);
  board->control.locked_up = 1;
  look_up_now(board);
}

static double mhz(uint32_t hz) {
  return hz / 1e6;
}

// The flash needs a wait state for each so many Hz of the core clock (RM 3.3.2, table 5, at
// 2.7 to 3.6 V), and the regulator its overdrive for the highest clocks (RM 4.1.4).
void strict_check_clocks(Board *board) {
  const BoardChip *chip = &board->chip;
  const Clocks clocks = rcc_clocks(board);
  const uint32_t needed = clocks.core_hz ? (clocks.core_hz - 1) / chip->wait_state_hz : 0;
  const uint32_t latency = board->flash.acr & ACR_LATENCY;
  const uint32_t overdrive = PWR_CR1_ODEN | PWR_CR1_ODSWEN;
  if (clocks.from_pll &&
      (clocks.pll_input_hz < PLL_MIN_INPUT_HZ || clocks.pll_input_hz > PLL_MAX_INPUT_HZ))
    refuse(board, "the PLL's input is %g MHz, not 1 to 2 MHz (RCC_PLLCFGR.PLLM)",
           mhz(clocks.pll_input_hz));
  if (clocks.core_hz > chip->max_core_hz)
    refuse(board, "a core clock of %g MHz: the chip goes to %g MHz", mhz(clocks.core_hz),
           mhz(chip->max_core_hz));
  if (clocks.apb1_hz > chip->max_apb1_hz)
    refuse(board, "an APB1 clock of %g MHz: the chip goes to %g MHz (RCC_CFGR.PPRE1)",
           mhz(clocks.apb1_hz), mhz(chip->max_apb1_hz));
  if (clocks.apb2_hz > chip->max_apb2_hz)
    refuse(board, "an APB2 clock of %g MHz: the chip goes to %g MHz (RCC_CFGR.PPRE2)",
           mhz(clocks.apb2_hz), mhz(chip->max_apb2_hz));
  if (latency < needed)
    refuse(board, "a core clock of %g MHz needs %u flash wait states, FLASH_ACR.LATENCY is %u",
           mhz(clocks.core_hz), needed, latency);
  if (clocks.core_hz > chip->overdrive_above_hz &&
      (stored_value(board, chip->pwr_base) & overdrive) != overdrive)
    refuse(board, "a core clock of %g MHz needs overdrive (PWR_CR1.ODEN and ODSWEN)",
           mhz(clocks.core_hz));
}

// Caches hold noise after reset: enabled as they are, they give it out as code and data
// (Cortex-M7 TRM 5.6).
void strict_check_caches(Board *board) {
  const SystemControl *scs = &board->scs;
  bool clean = true;
  for (unsigned way = 0; way < CACHE_WAYS; way++) clean &= scs->invalidated_sets[way] == ALL_SETS;
  if (scs->ccr & CCR_IC && !scs->icache_invalidated)
    refuse(board, "the instruction cache is enabled without having been invalidated (ICIALLU)");
  if (scs->ccr & CCR_DC && !clean)
    refuse(board,
           "the data cache is enabled without all its lines having been invalidated (DCISW)");
}

void strict_invalidated_line(Board *board, uint32_t set_and_way) {
  board->scs.invalidated_sets[set_and_way >> WAYS_SHIFT] |= 1u << (set_and_way >> SET_SHIFT & 0x1f);
}

void strict_check_mpu(Board *board, uint32_t control) {
  if (control & MPU_CTRL_ENABLE)
    refuse(board,
           "the MPU is enabled, and this board does not model it: its regions would be ignored");
}
