// The block encoders in plain C++ (block_encoders.h).
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "kernels/block_encoder_tables.h"
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

#define TAEL_ISA scalar

// clang-format off
#include "kernels/isa/scalar.h"
#include "kernels/impl/encode_fit.inl.h"
#include "kernels/impl/encode_k_quants.inl.h"
#include "kernels/impl/encode_levels.inl.h"
#include "kernels/impl/encode_legacy.inl.h"
#include "kernels/impl/encode_codebook.inl.h"
#include "kernels/impl/encode_ternary.inl.h"
#include "kernels/impl/encode_blocks.inl.h"
// clang-format on

namespace tael {

const BlockEncoders kScalarEncoders = {.name = "scalar", .encode = scalar::EncodeBlocks};

}  // namespace tael
