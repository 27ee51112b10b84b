// One fault per build, chosen by FAULT; the handler notes what the core says of it.
#include "runtime.h"

int recurse(int depth);
void note_fault_from_asm(uint32_t *frame);

static void note_fault(uint32_t *frame) {
  results[0] = REG(0xE000ED28);  // CFSR
  results[1] = REG(0xE000ED2C);  // HFSR
  results[2] = REG(0xE000ED38);  // BFAR
  results[3] = frame[6];
  uint32_t ipsr;
  __asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
  results[4] = ipsr;
  results[5] = 0x600D;
  end();
}

// An own stack: the fault may have used up the other.
uint32_t fault_stack[256];
__attribute__((naked)) void hard_fault_handler(void) {
  __asm__ volatile(
      "mrs r0, msp\n\t"
      "ldr r1, =0x20000000\n\t"
      "cmp r0, r1\n\t"
      "it lo\n\t"
      "ldrlo r0, =fault_stack\n\t"
      "ldr sp, =fault_stack + 1024\n\t"
      "b note_fault_from_asm\n\t"
      ".ltorg");
}
void note_fault_from_asm(uint32_t *frame) {
  note_fault(frame);
}
__attribute__((naked)) void bus_fault_handler(void) {
  __asm__ volatile("b hard_fault_handler");
}

NOINLINE int recurse(int depth) {
  volatile int local[64];
  local[depth & 63] = depth;
  return depth > 0x7ffffff ? local[0] : recurse(depth + 1) + local[1];
}

uint8_t words[16] __attribute__((aligned(8)));

void test(void) {
#if FAULT == 1
  results[9] = REG(0x30000000);
#elif FAULT == 2
  REG(0x70000000) = 1;
#elif FAULT == 3
  __asm__ volatile(".short 0xde00");
#elif FAULT == 4
  ((void (*)(void))0x08000200)();  // even: not Thumb code
#elif FAULT == 5
  ((void (*)(void))0x90000001)();
#elif FAULT == 6
  results[9] = (uint32_t)recurse(0);
#elif FAULT == 7
  REG(0xE000ED24) = 1u << 17;  // BusFault enabled: taken as such
  results[9] = REG(0x30000000);
#elif FAULT == 8
  __asm__ volatile("cpsid f");
  results[9] = REG(0x30000000);  // a fault at HardFault priority: lockup
#elif FAULT == 9
  __asm__ volatile("cpsid f\n\tsvc 0");
#elif FAULT == 10
  ((void (*)(void))0x40000001)();  // peripherals are execute-never
#elif FAULT == 11
  REG(0x40002400) = 1;  // a gap between peripherals
#elif FAULT == 12
  __asm__ volatile("vmov.f32 s0, #1.0");  // nobody enabled the FPU
#elif FAULT == 13
  REG(0xE000ED14) |= 1u << 4;  // DIV_0_TRP
  barrier();
  __asm__ volatile("movs r0, #7\n\tmovs r1, #0\n\tudiv r0, r0, r1" ::: "r0", "r1");
#elif FAULT == 14
  __asm__ volatile("ldrd r0, r1, [%0]" ::"r"(words + 2) : "r0", "r1");
#elif FAULT == 15
  __asm__ volatile("ldmia %0, {r0, r1}" ::"r"(words + 1) : "r0", "r1");
#elif FAULT == 16
  enable_fpu();
  __asm__ volatile("vldr s0, [%0]" ::"r"(words + 2));
#elif FAULT == 17
  REG(0xE000ED14) |= 1u << 3;  // UNALIGN_TRP
  barrier();
  __asm__ volatile("ldr r0, [%0, #2]" ::"r"(words) : "r0");
#elif FAULT == 18
  REG(0xE000ED14) |= 1u << 3;
  barrier();
  __asm__ volatile("strh r0, [%0, %1]" ::"r"(words), "r"(1) : "r0", "memory");
#elif FAULT == 19
  __asm__ volatile("ldrex r0, [%0]" ::"r"(words + 1) : "r0");
#endif
  results[8] = 0xBAD;
}
