#include "crc32.h"

namespace hil {
namespace {

// Remainders of the sixteen nibbles: 64 bytes of flash instead of the usual 1,024.
constexpr uint32_t kNibbles[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

}  // namespace

uint32_t Crc32(uint32_t crc, const void *bytes, size_t size) {
  const uint8_t *byte = static_cast<const uint8_t *>(bytes);
  crc = ~crc;
  for (size_t i = 0; i < size; i++) {
    crc ^= byte[i];
    crc = crc >> 4 ^ kNibbles[crc & 0xf];
    crc = crc >> 4 ^ kNibbles[crc & 0xf];
  }
  return ~crc;
}

}  // namespace hil
