// The part of printf that TFLM's messages use. The C library's own takes a heap and 10 KB of flash.
#ifndef HIL_FORMAT_H
#define HIL_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

namespace hil {

// Writes at most `size` bytes with the final 0 and returns the length of the whole text without it.
// Knows %d %i %u %x %p %c %s %f %g %e %%, with the lengths hh h l ll z t; flags, width and
// precision are skipped. Floating-point numbers get three decimals.
int Format(char *buffer, size_t size, const char *format, va_list arguments);

}  // namespace hil

#endif
