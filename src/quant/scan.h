// Finds weights that are no numbers, so that a damaged file is refused instead of answering NaN.
#pragma once

#include <cstdint>

#include "quant/dtype.h"

namespace tael {

// Index of the first of `count` elements whose float32 value is NaN or infinite, -1 if there is
// none. Blocks with finite scales are not unpacked, so this runs at about the speed of memory.
// REQUIRES: CanDecode(dtype), count % block_size == 0.
int64_t FirstNonFinite(DType dtype, const uint8_t* bytes, int64_t count) noexcept;

}  // namespace tael
