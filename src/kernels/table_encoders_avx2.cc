// The block encoders with AVX2 and FMA (block_encoders.h).
#if defined(__x86_64__)
#include "kernels/block_encoder_tables.h"

#define TAEL_ISA avx2

// clang-format off
#include "kernels/isa/target_avx2_begin.h"
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx2.h"
#include "kernels/isa/x86_lanes.h"
#include "kernels/impl/encode_fit.inl.h"
#include "kernels/impl/encode_k_quants.inl.h"
#include "kernels/impl/encode_levels.inl.h"
#include "kernels/impl/encode_legacy.inl.h"
#include "kernels/impl/encode_codebook.inl.h"
#include "kernels/impl/encode_ternary.inl.h"
#include "kernels/impl/encode_blocks.inl.h"
#include "kernels/impl/encode_rounded.inl.h"
#include "kernels/isa/target_end.h"
// clang-format on

namespace tael {

const BlockEncoders kAvx2Encoders = {.name = "avx2",
                                     .encode = avx2::EncodeBlocks,
                                     .round = avx2::RoundBlocks,
                                     .largest = avx2::LargestMagnitude};

}  // namespace tael
#endif
