// Encoding of float32 rows in the formats that have one agreed rounding: the bytes are those of
// GGML's reference routines. (Searching for better quants: kernels/block_encoders.h.)
#pragma once

#include <cstdint>

#include "quant/dtype.h"

namespace tael {

// True for F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, MXFP4, TQ1_0, TQ2_0.
bool CanEncode(DType dtype);

// Encodes `count` values to StorageBytes(dtype, count) bytes; deterministic. A block of zeros
// decodes to zeros. NaN and infinity survive in F16 and BF16 only; in a block they give some
// arbitrary value of the format. REQUIRES: CanEncode(dtype), count % block_size == 0.
void EncodeRow(DType dtype, const float* values, int64_t count, uint8_t* out) noexcept;

}  // namespace tael
