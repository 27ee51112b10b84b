// What silicon punishes unpredictably, one per build, chosen by MISTAKE; 0 makes none.
#include "runtime.h"

#define RCC 0x40023800
#define PWR 0x40007000
#define FLASH_ACR 0x40023C00
#define CCR 0xE000ED14
#define ICIALLU 0xE000EF50
#define DCISW 0xE000EF60
#define MPU_CTRL 0xE000ED94

enum { LATENCY = 7, APB1_BY_4 = 5 << 10, APB1_BY_2 = 4 << 10, APB2_BY_2 = 4 << 13 };

static void clocks(void) {
  REG(RCC + 0x40) |= 1u << 28;  // PWR
  REG(RCC) |= 1u << 16;         // HSE
  const uint32_t m = MISTAKE == 4 ? 10 : 25;
  REG(RCC + 0x04) = m | 432u << 6 | (m == 10 ? 3u : 0u) << 16 | 1u << 22 | 9u << 24;
  REG(RCC) |= 1u << 24;
#if MISTAKE != 2
  REG(PWR) |= 1u << 16;
  REG(PWR) |= 1u << 17;
#endif
  REG(FLASH_ACR) = MISTAKE == 1 ? LATENCY - 1 : LATENCY;
  REG(RCC + 0x08) = (MISTAKE == 3 ? APB1_BY_2 : APB1_BY_4) | APB2_BY_2;
  REG(RCC + 0x08) |= 2;
}

static void invalidate_data_cache(uint32_t sets) {
  for (uint32_t way = 0; way < 4; way++)
    for (uint32_t set = 0; set < sets; set++) REG(DCISW) = way << 30 | set << 5;
  barrier();
}

static void caches(void) {
#if MISTAKE != 5
  REG(ICIALLU) = 0;
#endif
  invalidate_data_cache(MISTAKE == 6 ? 31 : 32);
  REG(CCR) |= 1u << 17;
  REG(CCR) |= 1u << 16;
  barrier();
}

void test(void) {
  clocks();
  caches();
  if (MISTAKE == 7) REG(MPU_CTRL) = 5;
  barrier();
  results[0] = 1;
}
