// The block encoders with NEON (block_encoders.h).
#if defined(__aarch64__)
#include "kernels/block_encoder_tables.h"

#define TAEL_ISA neon_base

// clang-format off
#include "kernels/isa/unroll.h"
#include "kernels/isa/neon.h"
#include "kernels/isa/lanes.h"
#include "kernels/impl/encode_fit.inl.h"
#include "kernels/impl/encode_k_quants.inl.h"
#include "kernels/impl/encode_levels.inl.h"
#include "kernels/impl/encode_legacy.inl.h"
#include "kernels/impl/encode_codebook.inl.h"
#include "kernels/impl/encode_ternary.inl.h"
#include "kernels/impl/encode_blocks.inl.h"
#include "kernels/impl/encode_rounded.inl.h"
// clang-format on

namespace tael {

const BlockEncoders kNeonBaseEncoders = {.name = "neon_base",
                                         .encode = neon_base::EncodeBlocks,
                                         .round = neon_base::RoundBlocks,
                                         .largest = neon_base::LargestMagnitude};

}  // namespace tael
#endif
