// The block encoders with AVX-512 (block_encoders.h).
#if defined(__x86_64__)
#include "kernels/block_encoder_tables.h"

#define TAEL_ISA avx512

#pragma GCC diagnostic push
// GCC 12 takes the don't-care operands inside its own intrinsics for a mistake.
#pragma GCC diagnostic ignored "-Wuninitialized"
// clang-format off
#include "kernels/isa/target_avx512_begin.h"
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx512.h"
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
#pragma GCC diagnostic pop

namespace tael {

const BlockEncoders kAvx512Encoders = {.name = "avx512",
                                       .encode = avx512::EncodeBlocks,
                                       .round = avx512::RoundBlocks,
                                       .largest = avx512::LargestMagnitude};

}  // namespace tael
#endif
