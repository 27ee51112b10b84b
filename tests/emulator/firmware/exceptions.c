// Supervisor calls, pended interrupts, priorities and masks.
#include "runtime.h"

static volatile uint32_t order;

static void note(uint32_t what) {
  order = order << 4 | what;
}

static void spin(void) {
  for (volatile int i = 0; i < 50; i++) {
  }
}

__attribute__((naked)) void svc_handler(void) {
  __asm__ volatile("ldr r0, [sp]\n\tadds r0, #1\n\tstr r0, [sp]\n\tbx lr");
}

static NOINLINE uint32_t call(uint32_t value) {
  register uint32_t r0 __asm__("r0") = value;
  __asm__ volatile("svc 0" : "+r"(r0)::"memory");
  return r0;
}

void irq0_handler(void) {
  note(0xA);
  REG(0xE000EF00) = 1;  // STIR: interrupt 1
  barrier();
  spin();
  note(0xB);
}

void irq1_handler(void) {
  note(0xC);
}

void pendsv_handler(void) {
  note(0x5);
}

static uint32_t order_of(uint32_t priorities, int masked) {
  order = 0;
  REG(0xE000E400) = priorities;
  REG(0xE000E100) = 3;
  if (masked) __asm__ volatile("cpsid i");
  REG(0xE000EF00) = 0;
  barrier();
  spin();
  note(0xD);
  __asm__ volatile("cpsie i");
  spin();
  return order;
}

static NOINLINE float survives_calls(float x) {
  for (int i = 0; i < 20; i++) {
    x = x * 1.25f + 0.5f;
    call(0);
  }
  return x;
}

static NOINLINE float without_calls(float x) {
  for (int i = 0; i < 20; i++) x = x * 1.25f + 0.5f;
  return x;
}

void test(void) {
  enable_fpu();
  results[0] = call(41);
  uint32_t value = 0;
  for (int i = 0; i < 1000; i++) value = call(value);
  results[1] = value;
  results[2] = order_of(0x4080, 0);  // interrupt 1 preempts interrupt 0
  results[3] = order_of(0x8040, 0);  // it waits
  results[4] = order_of(0x4080, 1);  // both wait for PRIMASK
  order = 0;
  REG(0xE000ED04) = 1u << 28;  // PENDSVSET
  barrier();
  results[5] = order;
  results[6] = survives_calls(1.5f) == without_calls(1.5f);
  REG(0xE000E180) = 3;  // disabled interrupts stay pending
  order = 0;
  REG(0xE000EF00) = 0;
  barrier();
  results[7] = order << 16 | (REG(0xE000E200) & 1);
}
