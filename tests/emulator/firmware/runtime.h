// The least a test program for the emulated board needs: a vector table, results, an end.
#ifndef TESTS_RUNTIME_H
#define TESTS_RUNTIME_H

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define CYCCNT REG(0xE0001004)
#define NOINLINE __attribute__((noinline))

// Read by the test when the program has ended.
extern volatile uint32_t results[32];

// The program under test.
void test(void);

// Handlers a program may define; the default one ends it with the exception's number in
// results[31].
void nmi_handler(void);
void hard_fault_handler(void);
void mem_manage_handler(void);
void bus_fault_handler(void);
void usage_fault_handler(void);
void svc_handler(void);
void pendsv_handler(void);
void systick_handler(void);
void irq0_handler(void);
void irq1_handler(void);

__attribute__((noreturn)) void end(void);

static inline void barrier(void) {
  __asm__ volatile("dsb\n\tisb" ::: "memory");
}

static inline void start_cycle_counter(void) {
  REG(0xE000EDFC) |= 1u << 24;    // DEMCR.TRCENA
  REG(0xE0001FB0) = 0xC5ACCE55u;  // DWT_LAR
  REG(0xE0001000) |= 1;           // DWT_CTRL.CYCCNTENA
}

static inline void enable_fpu(void) {
  REG(0xE000ED88) |= 0xFu << 20;
  barrier();
}

#endif
