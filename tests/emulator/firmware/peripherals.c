// Clock gating, clock tree, flash lock, reset cause.
#include "runtime.h"

#define RCC 0x40023800
#define GPIOA 0x40020000
#define PWR 0x40007000
#define FLASH_CR 0x40023C10

void test(void) {
  results[0] = REG(RCC + 0x74) >> 24;  // reset flags
  REG(GPIOA) = 0x12345678;
  results[1] = REG(GPIOA);  // not clocked: nothing is written
  REG(RCC + 0x30) |= 1;
  REG(GPIOA) = 0x12345678;
  results[2] = REG(GPIOA);
  results[3] = REG(RCC) & 0x03030003;  // only the internal oscillator runs
  REG(RCC + 0x04) = 25 | 192 << 6 | 3 << 16 | 1 << 22 | 9 << 24;
  REG(RCC) |= 1 << 24;  // PLL without its source
  results[4] = REG(RCC) >> 25 & 1;
  REG(RCC) |= 1 << 16;  // HSE
  results[5] = (REG(RCC) >> 17 & 1) | (REG(RCC) >> 25 & 1) << 1;
  REG(RCC + 0x08) = 2;
  results[6] = REG(RCC + 0x08) >> 2 & 3;
  REG(RCC + 0x40) |= 1 << 28;
  REG(PWR) |= 1 << 16;
  results[7] = REG(PWR + 4) >> 16 & 3;
  REG(PWR) |= 1 << 17;
  results[8] = REG(PWR + 4) >> 16 & 3;
  results[9] = REG(FLASH_CR);
  REG(FLASH_CR) = 1;  // locked: ignored
  results[10] = REG(FLASH_CR);
  *(volatile uint8_t *)(0xE000E400 + 2) = 0x50;  // byte access to a priority register
  results[11] = REG(0xE000E400);
  results[12] = REG(0xE0042000) & 0xFFF;
  results[13] = *(volatile uint16_t *)0x1FF0F442;
}
