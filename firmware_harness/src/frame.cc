#include "frame.h"

#include <string.h>

#include "crc32.h"
#include "port.h"

namespace hil {
namespace {

constexpr uint8_t kDelimiter = 0;
constexpr size_t kMaxBlock = 254;  // data bytes that one COBS code byte can announce

uint32_t LoadLittleEndian32(const uint8_t *bytes) {
  return bytes[0] | static_cast<uint32_t>(bytes[1]) << 8 | static_cast<uint32_t>(bytes[2]) << 16 |
         static_cast<uint32_t>(bytes[3]) << 24;
}

// COBS-encodes to the serial port: each block is a code byte, one more than its length, and as many
// non-zero bytes; a block of fewer than 254 stands for a zero after it.
class CobsWriter {
 public:
  void Put(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
      if (bytes[i] == 0) {
        Flush();
        continue;
      }
      block_[1 + count_++] = bytes[i];
      if (count_ == kMaxBlock) Flush();
    }
  }

  void End() {
    Flush();
    port_serial_write(&kDelimiter, 1);
  }

 private:
  void Flush() {
    block_[0] = static_cast<uint8_t>(count_ + 1);
    port_serial_write(block_, count_ + 1);
    count_ = 0;
  }

  uint8_t block_[1 + kMaxBlock];
  size_t count_ = 0;
};

}  // namespace

void FrameDecoder::Store(uint8_t byte) {
  if (size_ == sizeof bytes_) {
    bad_ = true;
    return;
  }
  bytes_[size_++] = byte;
}

FrameDecoder::Result FrameDecoder::Push(uint8_t byte) {
  if (byte == kDelimiter) return End();
  if (!in_frame_) {
    in_frame_ = true;
    bad_ = false;
    size_ = 0;
    block_left_ = 0;
    zero_after_block_ = false;
  }
  if (block_left_ == 0) {
    if (zero_after_block_) Store(0);
    block_left_ = byte - 1;
    zero_after_block_ = byte != kMaxBlock + 1;
  } else {
    block_left_--;
    Store(byte);
  }
  return Result::kNothing;
}

FrameDecoder::Result FrameDecoder::End() {
  if (!in_frame_) return Result::kNothing;  // delimiters between frames are harmless
  in_frame_ = false;
  if (bad_ || block_left_ != 0 || size_ < kHeaderBytes + kCrcBytes) return Result::kBadFrame;
  const size_t covered = size_ - kCrcBytes;
  return Crc32(0, bytes_, covered) == LoadLittleEndian32(bytes_ + covered) ? Result::kFrame
                                                                           : Result::kBadFrame;
}

void Frame::Start(uint8_t type, uint8_t sequence) {
  bytes_[0] = type;
  bytes_[1] = sequence;
  size_ = 0;
}

void Frame::Finish(size_t payload_size) {
  size_ = kHeaderBytes + payload_size;
}

void Frame::Send() const {
  if (size_ != 0) SendFrame(type(), sequence(), bytes_ + kHeaderBytes, size_ - kHeaderBytes);
}

void SendFrame(uint8_t type, uint8_t sequence, const void *payload, size_t size, const void *tail,
               size_t tail_size) {
  const uint8_t header[kHeaderBytes] = {type, sequence};
  const uint32_t crc =
      Crc32(Crc32(Crc32(0, header, sizeof header), payload, size), tail, tail_size);
  uint8_t trailer[kCrcBytes];
  for (size_t i = 0; i < kCrcBytes; i++) trailer[i] = static_cast<uint8_t>(crc >> (8 * i));
  CobsWriter writer;
  writer.Put(header, sizeof header);
  writer.Put(static_cast<const uint8_t *>(payload), size);
  writer.Put(static_cast<const uint8_t *>(tail), tail_size);
  writer.Put(trailer, sizeof trailer);
  writer.End();
}

}  // namespace hil
