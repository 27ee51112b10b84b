// CRC-32 as in Ethernet, zlib and Python's binascii (reflected 0x04C11DB7).
#ifndef HIL_CRC32_H
#define HIL_CRC32_H

#include <stddef.h>
#include <stdint.h>

namespace hil {

// Extends `crc`, the CRC of the bytes before, by `size` bytes; starts at 0.
uint32_t Crc32(uint32_t crc, const void *bytes, size_t size);

}  // namespace hil

#endif
