// Clock tree, wait states and caches of the STM32F74x/F75x.
#include "port.h"
#include "protocol.h"
#include "registers.h"
#include "target_config.h"

enum { PLL_P_OF_1 = 2 };  // PLLP counts 2, 4, 6, 8

static void start_external_oscillator(void) {
  if (HIL_CLOCK_HSE_BYPASS) RCC_CR |= RCC_CR_HSEBYP;
  RCC_CR |= RCC_CR_HSEON;
  while (!(RCC_CR & RCC_CR_HSERDY)) {
  }
}

// Above 180 MHz the core needs the regulator's overdrive, switched on while the PLL runs and before
// it is used (RM 4.1.6).
static void enable_overdrive(void) {
  if (!HIL_CLOCK_OVERDRIVE) return;
  PWR_CR1 |= PWR_CR1_ODEN;
  while (!(PWR_CSR1 & PWR_CSR1_ODRDY)) {
  }
  PWR_CR1 |= PWR_CR1_ODSWEN;
  while (!(PWR_CSR1 & PWR_CSR1_ODSWRDY)) {
  }
}

// Wait states first: the faster clock must never meet the slower setting (RM 3.3.2).
static void set_wait_states(void) {
  FLASH_ACR = HIL_CLOCK_FLASH_WAIT_STATES | FLASH_ACR_PRFTEN | FLASH_ACR_ARTEN;
  while ((FLASH_ACR & FLASH_ACR_LATENCY) != HIL_CLOCK_FLASH_WAIT_STATES) {
  }
}

// Code for an APB divider of 1, 2, 4, 8 or 16 (RM 5.3.3).
static uint32_t apb_divider_code(uint32_t divider) {
  uint32_t code = 3;
  while (divider > 1) {
    divider /= 2;
    code++;
  }
  return code == 3 ? 0 : code;
}

static void switch_to_pll(void) {
  RCC_CFGR = apb_divider_code(HIL_CLOCK_APB1_DIVIDER) << RCC_CFGR_PPRE1_SHIFT |
             apb_divider_code(HIL_CLOCK_APB2_DIVIDER) << RCC_CFGR_PPRE2_SHIFT;
  RCC_CFGR |= RCC_CFGR_SW_PLL;
  while ((RCC_CFGR >> RCC_CFGR_SWS_SHIFT & 3u) != RCC_CFGR_SW_PLL) {
  }
}

static void enable_instruction_cache(void) {
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  SCB_ICIALLU = 0;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  SCB_CCR |= SCB_CCR_IC;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
}

// After reset the cache holds garbage: every set and way is invalidated first (ARM B4.2, PM 4.8).
static void enable_data_cache(void) {
  SCB_CSSELR = 0;
  __asm__ volatile("dsb" ::: "memory");
  const uint32_t sets = (SCB_CCSIDR >> 13 & 0x7FFFu) + 1, ways = (SCB_CCSIDR >> 3 & 0x3FFu) + 1;
  for (uint32_t set = 0; set < sets; set++)
    for (uint32_t way = 0; way < ways; way++) SCB_DCISW = set << 5 | way << 30;
  __asm__ volatile("dsb" ::: "memory");
  SCB_CCR |= SCB_CCR_DC;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
}

void port_clock_init(void) {
  RCC_APB1ENR |= RCC_APB1ENR_PWREN;
  (void)RCC_APB1ENR;  // the clock needs two cycles to arrive (RM 5.2.12)
  PWR_CR1 |= PWR_CR1_VOS_SCALE1;
  start_external_oscillator();
  RCC_PLLCFGR = HIL_CLOCK_PLL_M | (uint32_t)HIL_CLOCK_PLL_N << RCC_PLLCFGR_PLLN_SHIFT |
                (uint32_t)(HIL_CLOCK_PLL_P / PLL_P_OF_1 - 1) << RCC_PLLCFGR_PLLP_SHIFT |
                RCC_PLLCFGR_PLLSRC_HSE | (uint32_t)HIL_CLOCK_PLL_Q << RCC_PLLCFGR_PLLQ_SHIFT;
  RCC_CR |= RCC_CR_PLLON;
  enable_overdrive();
  while (!(RCC_CR & RCC_CR_PLLRDY)) {
  }
  set_wait_states();
  switch_to_pll();
  enable_instruction_cache();
  enable_data_cache();
}

uint32_t port_core_clock_hz(void) {
  const uint32_t cfgr = RCC_CFGR, pll = RCC_PLLCFGR;
  if ((cfgr >> RCC_CFGR_SWS_SHIFT & 3u) != RCC_CFGR_SW_PLL) return 0;
  const uint32_t m = pll & 0x3Fu, n = pll >> RCC_PLLCFGR_PLLN_SHIFT & 0x1FFu;
  const uint32_t p = PLL_P_OF_1 * ((pll >> RCC_PLLCFGR_PLLP_SHIFT & 3u) + 1);
  static const uint8_t shifts[8] = {1, 2, 3, 4, 6, 7, 8, 9};
  const uint32_t hpre = cfgr >> RCC_CFGR_HPRE_SHIFT & 0xFu;
  return HIL_CLOCK_HSE_HZ / m * n / p >> (hpre & 8u ? shifts[hpre & 7u] : 0);
}

uint32_t port_caches(void) {
  const uint32_t ccr = SCB_CCR;
  return (ccr & SCB_CCR_IC ? HIL_CACHE_INSTRUCTION : 0) | (ccr & SCB_CCR_DC ? HIL_CACHE_DATA : 0);
}

uint32_t port_flash_wait_states(void) {
  return FLASH_ACR & FLASH_ACR_LATENCY;
}

void port_cycles_init(void) {
  SCB_DEMCR |= SCB_DEMCR_TRCENA;
  DWT_LAR = DWT_LAR_KEY;
  DWT_CYCCNT = 0;
  DWT_CTRL |= DWT_CTRL_CYCCNTENA;
}

uint32_t port_reset_cause(void) {
  static uint32_t cause = 0xFFFFFFFFu;
  if (cause != 0xFFFFFFFFu) return cause;
  const uint32_t flags = RCC_CSR;
  RCC_CSR |= RCC_CSR_RMVF;
  if (flags & (RCC_CSR_IWDGRSTF | RCC_CSR_WWDGRSTF))
    cause = HIL_RESET_WATCHDOG;
  else if (flags & RCC_CSR_SFTRSTF)
    cause = HIL_RESET_SOFTWARE;
  else if (flags & RCC_CSR_PORRSTF)
    cause = HIL_RESET_POWER_ON;
  else
    cause = flags & RCC_CSR_PINRSTF ? HIL_RESET_PIN : HIL_RESET_UNKNOWN;
  return cause;
}

void port_idle(void) {}
