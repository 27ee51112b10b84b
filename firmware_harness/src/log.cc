#include "log.h"

#include <stddef.h>

#include "frame.h"
#include "protocol.h"

namespace hil {
namespace {

char line[256];
size_t length = 0;
bool held = false;

}  // namespace

void LogFlush() {
  if (length == 0) return;
  SendFrame(HIL_MESSAGE_LOG, 0, line, length);
  length = 0;
}

void LogText(const char *text) {
  for (; *text != '\0'; text++) {
    if (length == sizeof line) {
      if (held) return;
      LogFlush();
    }
    line[length++] = *text;
    if (*text == '\n' && !held) LogFlush();
  }
}

void LogHold() {
  held = true;
}

void LogRelease() {
  held = false;
}

}  // namespace hil
