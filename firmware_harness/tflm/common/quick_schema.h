// schema_generated.h, compiled in half the time. Half of that is spent on std::unique_ptr, for
// classes (those whose names end in T) that nothing on a device uses: while that header is read, a
// class that only declares the same members stands in for it. No code of either is ever made.
#ifndef HIL_QUICK_SCHEMA_H
#define HIL_QUICK_SCHEMA_H

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flatbuffers/flatbuffers.h"

namespace std {

template <typename T>
class hil_unique_ptr {
 public:
  hil_unique_ptr();
  hil_unique_ptr(nullptr_t);
  explicit hil_unique_ptr(T *);
  hil_unique_ptr(hil_unique_ptr &&) noexcept;
  hil_unique_ptr &operator=(hil_unique_ptr &&) noexcept;
  ~hil_unique_ptr();
  T *get() const;
  T *release();
  void reset();
  T *operator->() const;
  T &operator*() const;
  explicit operator bool() const;
};

}  // namespace std

namespace flatbuffers {
using std::hil_unique_ptr;
}

#define unique_ptr hil_unique_ptr
#include "tensorflow/lite/schema/schema_generated.h"
#undef unique_ptr

#endif
