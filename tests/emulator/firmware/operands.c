// Operands that trap only when software asks for it, or not at all.
#include "runtime.h"

static uint8_t bytes[16] __attribute__((aligned(8))) = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static NOINLINE uint32_t divide(uint32_t a, uint32_t b) {
  uint32_t result;
  __asm__ volatile("udiv %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
}

static NOINLINE uint32_t divide_unless_zero(uint32_t a, uint32_t b) {
  uint32_t result = 99;
  __asm__ volatile("cmp %2, #0\n\tit ne\n\tudivne %0, %1, %2" : "+r"(result) : "r"(a), "r"(b));
  return result;
}

static NOINLINE uint32_t load(const uint8_t *from) {
  uint32_t value;
  __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(from));
  return value;
}

static NOINLINE uint32_t load_pair(const uint8_t *from) {
  uint32_t low, high;
  __asm__ volatile("ldrd %0, %1, [%2]" : "=r"(low), "=r"(high) : "r"(from));
  return low ^ high;
}

void test(void) {
  results[0] = divide(7, 0);     // 0 unless DIV_0_TRP
  results[1] = load(bytes + 1);  // allowed unless UNALIGN_TRP
  REG(0xE000ED14) |= 1u << 4 | 1u << 3;
  barrier();
  results[2] = divide(42, 6);
  results[3] = divide_unless_zero(42, 0);  // its condition fails: no trap
  results[4] = divide_unless_zero(42, 2);
  results[5] = load(bytes + 4);
  results[6] = load_pair(bytes);
  REG(0xE000ED14) &= ~(1u << 4 | 1u << 3);
  barrier();
  results[7] = divide(7, 0);
  results[8] = load(bytes + 1);
  enable_fpu();
  float sum = 0;
  static const float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  for (int turn = 0; turn < 200; turn++)  // more than a guard checks
    for (int i = 0; i < 8; i++) sum += ((volatile const float *)values)[i];
  results[9] = (uint32_t)sum;
}
