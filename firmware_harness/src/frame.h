// Frames on the serial line: COBS-encoded, ended by a zero byte.
//
// Before encoding a frame is: type (1 byte), sequence number (1 byte), payload, CRC-32 of all that
// (4 bytes, little-endian). docs/protocol.md describes the same for the host.
#ifndef HIL_FRAME_H
#define HIL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

namespace hil {

constexpr size_t kHeaderBytes = 2;
constexpr size_t kCrcBytes = 4;
constexpr size_t kMaxFrameBytes = kHeaderBytes + HIL_MAX_PAYLOAD_BYTES + kCrcBytes;

// Collects bytes from the line until a frame is whole.
class FrameDecoder {
 public:
  enum class Result {
    kNothing,   // the frame goes on
    kFrame,     // type(), sequence() and payload() are valid until the next Push
    kBadFrame,  // a frame ended that was damaged, too long or too short
  };

  Result Push(uint8_t byte);

  uint8_t type() const { return bytes_[0]; }
  uint8_t sequence() const { return bytes_[1]; }
  const uint8_t *payload() const { return bytes_ + kHeaderBytes; }
  size_t payload_size() const { return size_ - kHeaderBytes - kCrcBytes; }

 private:
  Result End();
  void Store(uint8_t byte);

  uint8_t bytes_[kMaxFrameBytes];
  size_t size_ = 0;
  uint8_t block_left_ = 0;         // bytes until the next COBS code
  bool zero_after_block_ = false;  // the block in progress stands for a zero at its end
  bool in_frame_ = false;
  bool bad_ = false;
};

// A frame to be sent; kept until the next one, so that it can be sent again.
class Frame {
 public:
  // Starts a frame; the payload is then written to payload().
  void Start(uint8_t type, uint8_t sequence);
  uint8_t *payload() { return bytes_ + kHeaderBytes; }
  uint8_t type() const { return bytes_[0]; }
  uint8_t sequence() const { return bytes_[1]; }
  void ChangeType(uint8_t type) { bytes_[0] = type; }

  // Ends the frame with `payload_size` bytes of payload.
  void Finish(size_t payload_size);
  bool is_finished() const { return size_ != 0; }

  // Encodes to the serial port. A frame that was never finished sends nothing.
  void Send() const;

 private:
  uint8_t bytes_[kMaxFrameBytes];
  size_t size_ = 0;
};

// Sends a frame that needs no keeping: header and payload are encoded as they go out. The payload
// may come in two parts.
void SendFrame(uint8_t type, uint8_t sequence, const void *payload, size_t size,
               const void *tail = nullptr, size_t tail_size = 0);

}  // namespace hil

#endif
