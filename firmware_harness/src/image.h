// What identifies the image that runs: compared by the host before any vector is sent.
#ifndef HIL_IMAGE_H
#define HIL_IMAGE_H

#include <stdint.h>

namespace hil {

struct ImageIdentity {
  const uint8_t *build_id;      // HIL_BUILD_ID_BYTES, the linker's hash of this very image
  const uint8_t *model_sha256;  // HIL_MODEL_HASH_BYTES
  const char *target;           // HIL_TARGET_NAME_BYTES, padded with zeros
};

const ImageIdentity &ThisImage();

}  // namespace hil

#endif
