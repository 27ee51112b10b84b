// Code in RAM, code that changes, and RAM that nobody wrote.
#include "runtime.h"

typedef int (*Function)(void);

// A page of its own, far from stack and data.
#define CODE ((volatile uint16_t *)0x20040000)
#define CALL ((Function)0x20040001)

static uint32_t copy_of(uint32_t from, uint32_t to, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) REG(to + 4 * i) = from + i;
  uint32_t sum = 0;
  for (uint32_t i = 0; i < count; i++) sum += REG(to + 4 * i);
  return sum;
}

static void write_code(uint16_t value) {
  CODE[0] = 0x2000 | value;  // movs r0, #value
  CODE[1] = 0x4770;          // bx lr
  barrier();
}

void test(void) {
  results[0] = REG(0x20030000) | REG(0x20030004) | REG(0x20030008);
  results[1] = copy_of(1, 0x20040000, 1000);  // data first, where code will be
  write_code(5);
  results[2] = (uint32_t)CALL();
  write_code(9);
  results[3] = (uint32_t)CALL();
  results[4] = copy_of(7, 0x20040400, 1000);  // the page stays writable
  for (int i = 0; i < 100; i++) {
    write_code((uint16_t)i);
    results[5] += (uint32_t)CALL();
  }
  results[6] = copy_of(1, 0x20040000, 1000);
  REG(0x20000000 + 0x8000) = 0x12345678;  // sub-word accesses
  results[7] = *(volatile uint8_t *)0x20008001;
  *(volatile uint16_t *)0x20008002 = 0xABCD;
  results[8] = REG(0x20008000);
  results[9] = REG(0x08000004) == REG(0x00200004);  // flash, and flash on ITCM
}
