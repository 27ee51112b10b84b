// Serves the host's requests, one at a time.
#ifndef HIL_RUNNER_H
#define HIL_RUNNER_H

#include "frame.h"
#include "image.h"

namespace hil {

class Runner {
 public:
  explicit Runner(const ImageIdentity &image) : image_(image) {}

  // Tells the host that the firmware listens.
  void Announce();

  // Takes one byte from the line and answers the request it completes, if it does.
  void Push(uint8_t byte);

 private:
  void Answer();
  size_t Serve();  // fills reply_'s payload; its size, or kRejected
  size_t Reject(uint8_t reason);

  size_t ServeHello();
  size_t ServeModel();
  size_t ServeAllocate();
  size_t ServeTensor();
  size_t ServeWrite();
  size_t ServeInfer();
  size_t ServeRead();
  size_t ServeTrace();
  size_t ServeMemory();
  size_t ServeSanity();

  // Puts the CRC of each input tensor to `at`; the end of what was written.
  uint8_t *PutInputCrcs(uint8_t *at);

  // The request as a message of the registry, or null when its size is wrong.
  template <typename Message>
  const Message *Request(bool has_tail = false) const;

  const ImageIdentity &image_;
  FrameDecoder request_;
  Frame reply_;
  uint32_t arena_bytes_ = 0;  // 0: nothing is allocated
  bool rejected_ = false;
};

}  // namespace hil

#endif
