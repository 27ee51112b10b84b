// The cycle counter, read inline so that a measured window holds nothing else.
#ifndef HIL_PORT_CYCLES_H
#define HIL_PORT_CYCLES_H

#include "registers.h"

// Core clock cycles modulo 2^32 (CYCCNT, ARM C1.8.8), after everything before it has completed.
static inline uint32_t port_cycles(void) {
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  return DWT_CYCCNT;
}

#endif
