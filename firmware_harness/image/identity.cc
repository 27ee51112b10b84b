#include "image.h"
#include "model_config.h"
#include "protocol.h"
#include "target_config.h"

extern "C" const uint8_t __build_id_note[];  // .note.gnu.build-id, placed by the linker script

namespace hil {
namespace {

// An ELF note: sizes of name and description, type, name "GNU\0", then the id (ELF gABI, chapter
// 5).
constexpr int kNoteHeaderBytes = 16;

const uint8_t model_sha256[HIL_MODEL_HASH_BYTES] = HIL_MODEL_SHA256;
const char target[HIL_TARGET_NAME_BYTES] = HIL_TARGET_NAME;
const ImageIdentity identity = {__build_id_note + kNoteHeaderBytes, model_sha256, target};

}  // namespace

const ImageIdentity &ThisImage() {
  return identity;
}

}  // namespace hil
