// The block encoders in plain C++ (block_encoders.h).
#include "kernels/block_encoder_tables.h"

#define TAEL_ISA scalar

// clang-format off
#include "kernels/isa/scalar.h"
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

const BlockEncoders kScalarEncoders = {.name = "scalar",
                                       .encode = scalar::EncodeBlocks,
                                       .round = scalar::RoundBlocks,
                                       .largest = scalar::LargestMagnitude};

}  // namespace tael
