// Whether a board is fit to measure: does its counter advance, and what does known work cost?
#ifndef HIL_SANITY_H
#define HIL_SANITY_H

#include "protocol.h"

namespace hil {

// Spins until the counter has advanced by `spin_cycles`, or about as long when it stands still.
HilSanityReply CheckSanity(uint32_t spin_cycles);

}  // namespace hil

#endif
