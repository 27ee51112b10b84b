// The host has no cycle counter that a program may trust: nanoseconds stand in, and no one reports
// them as anything.
#ifndef HIL_PORT_CYCLES_H
#define HIL_PORT_CYCLES_H

#include <stdint.h>
#include <time.h>

// Nanoseconds modulo 2^32.
static inline uint32_t port_cycles(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)now.tv_sec * 1000000000u + (uint32_t)now.tv_nsec;
}

#endif
