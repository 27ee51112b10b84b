// The last words of a firmware that cannot go on.
#ifndef HIL_CRASH_H
#define HIL_CRASH_H

#include <stdint.h>

#include "protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

// Sends pending text and the crash frame, and stops for good. Called by a port's fault handler, on
// a stack of its own.
__attribute__((noreturn)) void hil_crash(const HilCrash *crash);

#ifdef __cplusplus
}
#endif

#endif
