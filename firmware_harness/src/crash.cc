#include "crash.h"

#include "frame.h"
#include "log.h"
#include "port.h"

extern "C" void hil_crash(const HilCrash *crash) {
  hil::LogRelease();
  hil::LogFlush();
  hil::SendFrame(HIL_MESSAGE_CRASH, 0, crash, sizeof *crash);
  for (;;) port_idle();
}
