#include "image.h"
#include "memory.h"
#include "port.h"
#include "runner.h"

int main() {
  hil::PaintStack();
  port_clock_init();
  port_serial_init();
  static hil::Runner runner(hil::ThisImage());
  runner.Announce();
  for (;;) {
    const int byte = port_serial_read();
    if (byte < 0)
      port_idle();
    else
      runner.Push(static_cast<uint8_t>(byte));
  }
}
