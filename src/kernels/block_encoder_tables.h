// The encoders compiled into this program, one table per instruction set; block_encoders.cc
// chooses.
#pragma once

#include "kernels/block_encoders.h"

namespace tael {

extern const BlockEncoders kScalarEncoders;
#if defined(__x86_64__)
extern const BlockEncoders kAvx2Encoders, kAvx512Encoders;
#endif
#if defined(__aarch64__)
extern const BlockEncoders kNeonBaseEncoders, kNeonEncoders;
#endif

}  // namespace tael
