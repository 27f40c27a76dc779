// The encoders compiled into this program, one table per instruction set; block_encoders.cc
// chooses.
#pragma once

#include "kernels/block_encoders.h"
#include "kernels/isa/standard_headers.h"
#include "quant/encode.h"
#include "quant/float_bits.h"
#include "quant/fp4.h"
#include "quant/iq1.h"
#include "quant/iq2.h"
#include "quant/iq3.h"
#include "quant/iq4.h"
#include "quant/iq_grids.h"
#include "quant/legacy.h"
#include "quant/low_bit.h"
#include "quant/quants.h"

namespace tael {

extern const BlockEncoders kScalarEncoders;
#if defined(__x86_64__)
extern const BlockEncoders kAvx2Encoders, kAvx512Encoders;
#endif
#if defined(__aarch64__)
extern const BlockEncoders kNeonBaseEncoders, kNeonEncoders;
#endif

}  // namespace tael
