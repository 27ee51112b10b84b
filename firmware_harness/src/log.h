// Text for the host: what TFLM reports, in frames of its own.
#ifndef HIL_LOG_H
#define HIL_LOG_H

namespace hil {

// Appends text; whole lines are sent as they end, unless a measurement is going on.
void LogText(const char *text);

// Sends what has not been sent yet.
void LogFlush();

// Between these two nothing goes out on the line; text that does not fit the buffer is cut.
void LogHold();
void LogRelease();

}  // namespace hil

#endif
