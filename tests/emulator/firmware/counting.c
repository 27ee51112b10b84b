// What CYCCNT and SysTick count.
#include "runtime.h"

static volatile uint32_t ticks;
int8_t data[4096], weights[4096];  // global: else the compiler knows that they are 0

void systick_handler(void) {
  ticks++;
}

static NOINLINE int32_t dot(void) {
  int32_t sum = 0;
  for (int i = 0; i < 4096; i++) sum += data[i] * weights[i];
  return sum;
}

static NOINLINE void loop_100(void) {
  __asm__ volatile("movs r0, #100\n1: subs r0, #1\n\tbne 1b" ::: "r0", "cc");
}

static NOINLINE void it_blocks_100(void) {
  __asm__ volatile(
      "movs r0, #100\n1: cmp r0, r0\n\tite eq\n\tmoveq r1, #1\n\tmovne r1, #2\n\t"
      "subs r0, #1\n\tbne 1b" ::
          : "r0", "r1", "cc");
}

void test(void) {
  results[0] = CYCCNT;  // not started: must not move
  for (volatile int i = 0; i < 10; i++) {
  }
  results[1] = CYCCNT;
  REG(0xE0001000) |= 1;  // neither powered nor unlocked
  results[2] = CYCCNT;
  REG(0xE000EDFC) |= 1u << 24;
  REG(0xE0001000) |= 1;  // powered, but locked
  results[3] = CYCCNT;
  start_cycle_counter();
  uint32_t a, b;
  __asm__ volatile("ldr %0, [%2]\n\tldr %1, [%2]" : "=&r"(a), "=&r"(b) : "r"(0xE0001004));
  results[4] = b - a;
  __asm__ volatile("ldr %0, [%2]\n\tnop\n\tnop\n\tnop\n\tldr %1, [%2]"
                   : "=&r"(a), "=&r"(b)
                   : "r"(0xE0001004));
  results[5] = b - a;
  uint32_t start = CYCCNT;
  loop_100();
  results[6] = CYCCNT - start;
  start = CYCCNT;
  it_blocks_100();
  results[7] = CYCCNT - start;
  start = CYCCNT;
  for (int i = 0; i < 20; i++) results[8] += (uint32_t)dot();
  results[9] = CYCCNT - start;
  REG(0xE000E014) = 9999;  // SysTick every 10,000 cycles
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  start = CYCCNT;
  for (int i = 0; i < 20; i++) results[8] += (uint32_t)dot();
  results[10] = CYCCNT - start;
  results[11] = ticks;
  REG(0xE000E010) = 0;
  CYCCNT = 0xFFFFFFF0u;  // it wraps like the 32-bit counter it is
  loop_100();
  results[12] = CYCCNT < 0x1000;
  ticks = 0;
  REG(0xE000E014) = 159999;
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  while (ticks < 3) __asm__ volatile("wfi");
  REG(0xE000E010) = 0;
  results[13] = ticks;
  REG(0xE000EDFC) &= ~(1u << 24);  // power off: the counter stands still and keeps its value
  REG(0xE000EDFC) |= 1u << 24;
  results[14] = REG(0xE0001000) & 1;
}
