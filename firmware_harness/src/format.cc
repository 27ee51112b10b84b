#include "format.h"

#include <stdint.h>

namespace hil {
namespace {

constexpr double kLargest = 4294967295.0;  // what fits the integer part of a printed double

class Text {
 public:
  Text(char *buffer, size_t size) : buffer_(buffer), size_(size) {}

  void Put(char character) {
    if (length_ + 1 < size_) buffer_[length_] = character;
    length_++;
  }

  void Put(const char *text) {
    for (; *text; text++) Put(*text);
  }

  void Number(unsigned long long value, unsigned base, unsigned min_digits = 1) {
    char digits[24];
    unsigned count = 0;
    do {
      digits[count++] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value || count < min_digits);
    while (count) Put(digits[--count]);
  }

  void Signed(long long value) {
    if (value < 0) Put('-');
    Number(value < 0 ? 0ull - static_cast<unsigned long long>(value) : value, 10);
  }

  void Real(double value) {
    if (value != value) return Put("nan");
    if (value < 0) {
      Put('-');
      value = -value;
    }
    value += 0.0005;
    if (value > kLargest) return Put(value > 1.7976931348623157e308 ? "inf" : "large");
    const uint32_t whole = static_cast<uint32_t>(value);
    Number(whole, 10);
    Put('.');
    Number(static_cast<uint32_t>((value - whole) * 1000), 10, 3);
  }

  int End() {
    if (size_) buffer_[length_ < size_ ? length_ : size_ - 1] = 0;
    return static_cast<int>(length_);
  }

 private:
  char *buffer_;
  size_t size_, length_ = 0;
};

bool IsOneOf(char character, const char *set) {
  for (; *set; set++)
    if (*set == character) return true;
  return false;
}

}  // namespace

int Format(char *buffer, size_t size, const char *format, va_list arguments) {
  Text text(buffer, size);
  for (; *format; format++) {
    if (*format != '%') {
      text.Put(*format);
      continue;
    }
    format++;
    while (IsOneOf(*format, "-+ #0123456789.")) format++;
    int longs = 0;
    for (; IsOneOf(*format, "hlzt"); format++) {
      if (*format == 'l') longs++;
      if (*format != 'h' && *format != 'l') longs = sizeof(size_t) > sizeof(unsigned) ? 1 : 0;
    }
    switch (*format) {
      case 'd':
      case 'i':
        text.Signed(longs > 1    ? va_arg(arguments, long long)
                    : longs == 1 ? va_arg(arguments, long)
                                 : va_arg(arguments, int));
        break;
      case 'u':
      case 'x':
      case 'X':
        text.Number(longs > 1    ? va_arg(arguments, unsigned long long)
                    : longs == 1 ? va_arg(arguments, unsigned long)
                                 : va_arg(arguments, unsigned),
                    *format == 'u' ? 10 : 16);
        break;
      case 'p':
        text.Put("0x");
        text.Number(reinterpret_cast<uintptr_t>(va_arg(arguments, void *)), 16);
        break;
      case 'c':
        text.Put(static_cast<char>(va_arg(arguments, int)));
        break;
      case 's': {
        const char *string = va_arg(arguments, const char *);
        text.Put(string ? string : "(null)");
        break;
      }
      case 'f':
      case 'g':
      case 'e':
        text.Real(va_arg(arguments, double));
        break;
      case '%':
        text.Put('%');
        break;
      default:
        return text.End();  // unknown: what follows cannot be told
    }
  }
  return text.End();
}

}  // namespace hil
