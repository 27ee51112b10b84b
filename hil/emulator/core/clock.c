// Reset and clock control of the STM32F7 (RM 5): ready flags follow what they announce, and the
// clocks that the core and the serial ports run at are computed from the registers.
#include "board.h"

enum { CR = 0x00, PLLCFGR = 0x04, CFGR = 0x08, CSR = 0x74, DCKCFGR2 = 0x90 };
enum {
  CR_HSION = 1 << 0,
  CR_HSIRDY = 1 << 1,
  CR_HSEON = 1 << 16,
  CR_HSERDY = 1 << 17,
  CR_HSEBYP = 1 << 18,
  CR_PLLON = 1 << 24,
  CR_PLLRDY = 1 << 25,
  CR_PLLI2SON = 1 << 26,
  CR_PLLI2SRDY = 1 << 27,
  CR_PLLSAION = 1 << 28,
  CR_PLLSAIRDY = 1 << 29,
  PLLCFGR_SRC_HSE = 1 << 22,
  CSR_LSION = 1 << 0,
  CSR_LSIRDY = 1 << 1,
  CSR_RMVF = 1 << 24,
  CSR_PINRSTF = 1 << 26,
  CSR_PORRSTF = 1 << 27,
  CSR_SFTRSTF = 1 << 28,
  CSR_FLAGS = (int)0xfe000000u,
};
enum { CLOCK_HSI = 0, CLOCK_HSE = 1, CLOCK_PLL = 2 };

static uint32_t get(Board *board, uint32_t offset) {
  return stored_value(board, board->chip.rcc_base + offset);
}

static void set(Board *board, uint32_t offset, uint32_t value) {
  stored_set(board, board->chip.rcc_base + offset, value);
}

// A crystal oscillates without bypass only, and a clock that is fed in comes through with it only.
static bool hse_runs(Board *board) {
  const uint32_t cr = get(board, CR);
  return cr & CR_HSEON && board->chip.hse_hz && !!(cr & CR_HSEBYP) == board->chip.hse_bypass;
}

static bool pll_runs(Board *board) {
  return get(board, CR) & CR_PLLON && (!(get(board, PLLCFGR) & PLLCFGR_SRC_HSE) || hse_runs(board));
}

static uint32_t pll_input_hz(Board *board) {
  const uint32_t config = get(board, PLLCFGR), m = config & 0x3f;
  const uint32_t source = config & PLLCFGR_SRC_HSE ? board->chip.hse_hz : board->chip.hsi_hz;
  return m ? source / m : 0;
}

static uint32_t pll_hz(Board *board) {
  const uint32_t config = get(board, PLLCFGR);
  const uint64_t source = config & PLLCFGR_SRC_HSE ? board->chip.hse_hz : board->chip.hsi_hz;
  const uint32_t m = config & 0x3f, n = config >> 6 & 0x1ff, p = 2 * ((config >> 16 & 3) + 1);
  return m ? (uint32_t)(source * n / m / p) : 0;
}

// The clock that SW asks for, or the one in use while that is not ready (RM 5.3.3).
static uint32_t system_clock_source(Board *board) {
  const uint32_t wanted = get(board, CFGR) & 3;
  if (wanted == CLOCK_HSE && hse_runs(board)) return CLOCK_HSE;
  if (wanted == CLOCK_PLL && pll_runs(board)) return CLOCK_PLL;
  return CLOCK_HSI;
}

static uint32_t system_clock_hz(Board *board) {
  switch (system_clock_source(board)) {
    case CLOCK_HSE:
      return board->chip.hse_hz;
    case CLOCK_PLL:
      return pll_hz(board);
    default:
      return board->chip.hsi_hz;
  }
}

// AHB prescaler: 1xxx divides by 2, 4, 8, 16, 64, 128, 256, 512 (RM 5.3.3).
static uint32_t core_clock_hz(Board *board) {
  static const uint8_t shifts[8] = {1, 2, 3, 4, 6, 7, 8, 9};
  const uint32_t hpre = get(board, CFGR) >> 4 & 0xf;
  return system_clock_hz(board) >> (hpre & 8 ? shifts[hpre & 7] : 0);
}

static uint32_t bus_clock_hz(Board *board, uint32_t prescaler) {
  return core_clock_hz(board) >> (prescaler & 4 ? (prescaler & 3) + 1 : 0);
}

// USART1 and USART6 hang on APB2, the others on APB1; DCKCFGR2 has two bits each (RM 5.3.26).
uint32_t usart_clock_hz(Board *board, uint32_t slot) {
  enum { USART1 = 0, USART6 = 5 };
  const uint32_t cfgr = get(board, CFGR);
  switch (get(board, DCKCFGR2) >> (2 * slot) & 3) {
    case 1:
      return system_clock_hz(board);
    case 2:
      return board->chip.hsi_hz;
    case 3:
      return 0;  // LSE, not on this board
    default:
      return bus_clock_hz(board,
                          slot == USART1 || slot == USART6 ? cfgr >> 13 & 7 : cfgr >> 10 & 7);
  }
}

Clocks rcc_clocks(Board *board) {
  const uint32_t cfgr = get(board, CFGR);
  return (Clocks){
      .core_hz = core_clock_hz(board),
      .apb1_hz = bus_clock_hz(board, cfgr >> 10 & 7),
      .apb2_hz = bus_clock_hz(board, cfgr >> 13 & 7),
      .pll_input_hz = pll_input_hz(board),
      .from_pll = system_clock_source(board) == CLOCK_PLL,
  };
}

void rcc_reset(Board *board, ResetCause cause) {
  static const uint32_t flags[] = {
      [RESET_POWER_ON] = CSR_PORRSTF | CSR_PINRSTF,
      [RESET_PIN] = CSR_PINRSTF,
      [RESET_SOFTWARE] = CSR_SFTRSTF | CSR_PINRSTF,
  };
  set(board, CR, 0x83);
  set(board, PLLCFGR, 0x24003010);
  set(board, CSR, flags[cause]);
  board->control.core_clock_hz = core_clock_hz(board);
}

uint32_t rcc_read(Board *board, uint32_t offset) {
  uint32_t value = get(board, offset);
  switch (offset) {
    case CR:
      value &= ~(uint32_t)(CR_HSIRDY | CR_HSERDY | CR_PLLRDY | CR_PLLI2SRDY | CR_PLLSAIRDY);
      if (value & CR_HSION) value |= CR_HSIRDY;
      if (hse_runs(board)) value |= CR_HSERDY;
      if (pll_runs(board)) value |= CR_PLLRDY;
      if (value & CR_PLLI2SON) value |= CR_PLLI2SRDY;
      if (value & CR_PLLSAION) value |= CR_PLLSAIRDY;
      return value;
    case CFGR:
      return (value & ~0xcu) | system_clock_source(board) << 2;
    case CSR:
      return (value & ~(uint32_t)CSR_LSIRDY) | (value & CSR_LSION ? CSR_LSIRDY : 0);
    default:
      return value;
  }
}

void rcc_write(Board *board, uint32_t offset, uint32_t value) {
  if (offset == CSR) {
    const uint32_t flags = value & CSR_RMVF ? 0 : get(board, CSR) & (uint32_t)CSR_FLAGS;
    value = flags | (value & CSR_LSION);
  }
  set(board, offset, value);
  board->control.core_clock_hz = core_clock_hz(board);
  strict_check_clocks(board);
}
