// A port whose serial line is standard input and output.
#include <stdlib.h>
#include <unistd.h>

#include "port.h"
#include "protocol.h"

extern "C" {

void port_clock_init(void) {}

uint32_t port_core_clock_hz(void) {
  return 216000000u;
}

void port_serial_init(void) {}

int port_serial_read(void) {
  uint8_t byte;
  if (read(STDIN_FILENO, &byte, 1) == 1) return byte;
  exit(0);
}

void port_serial_write(const uint8_t *bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = write(STDOUT_FILENO, bytes, size);
    if (written <= 0) exit(1);
    bytes += written;
    size -= static_cast<size_t>(written);
  }
}

void port_cycles_init(void) {}

uint32_t port_reset_cause(void) {
  return HIL_RESET_POWER_ON;
}

uint32_t port_caches(void) {
  return 0;
}

uint32_t port_flash_wait_states(void) {
  return 0;
}

port_stack port_stack_memory(void) {
  return {nullptr, nullptr};
}

// Only a firmware that has crashed idles here: nothing more comes of it.
void port_idle(void) {
  exit(0);
}

}  // extern "C"
