// What the portable harness needs from a board: one folder under ports/ per MCU family.
//
// Everything about a particular board (clock source, UART instance, pins, memories) comes from the
// generated target_config.h; a port holds facts of its family only.
#ifndef HIL_PORT_H
#define HIL_PORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Brings the core to the clock, wait states and cache setting of target_config.h.
void port_clock_init(void);

// Core clock in Hz as the clock registers have it now, not as it was asked for.
uint32_t port_core_clock_hz(void);

void port_serial_init(void);

// The next received byte, or -1 when none has arrived.
int port_serial_read(void);

// Sends all bytes before it returns.
void port_serial_write(const uint8_t *bytes, size_t size);

// Starts the cycle counter that port_cycles (port_cycles.h of the port) reads; may be called again.
void port_cycles_init(void);

// Why the core was last reset: a HIL_RESET_* value of protocol.h.
uint32_t port_reset_cause(void);

// Which caches are on (HIL_CACHE_* bits) and how long the flash is waited for, as the registers
// have them now.
uint32_t port_caches(void);
uint32_t port_flash_wait_states(void);

// The stack's memory; it grows down from `end`. `start` is null where it cannot be told.
typedef struct {
  uint32_t *start, *end;
} port_stack;
port_stack port_stack_memory(void);

// Called while there is nothing to do, once per turn.
void port_idle(void);

#ifdef __cplusplus
}
#endif

#endif
