// Encoders of block formats that search for the scales with the least weighted error. All tables
// write the same bytes, whatever the instructions (the sums run in one order).
#pragma once

#include <cstdint>

#include "kernels/kernel_table.h"
#include "quant/dtype.h"

namespace tael {

struct BlockEncoders {
  const char* name;  // of the kernel table whose instructions these are

  // Encodes `count` values of a row to StorageBytes(dtype, count) bytes. `importance` [count]:
  // what an error of each value costs, at least 0; null: all the same. Finite values give finite
  // blocks while none is above kLargestEncoded. REQUIRES: CanSearch(dtype), count % block_size ==
  // 0.
  void (*encode)(DType dtype, const float* x, const float* importance, int64_t count,
                 uint8_t* out) noexcept;
  // EncodeRow() (quant/encode.h): its bytes where the values are finite.
  void (*round)(DType dtype, const float* x, int64_t count, uint8_t* out) noexcept;
  // The largest magnitude of `count` values; infinity or NaN where any of them is not finite.
  float (*largest)(const float* x, int64_t count) noexcept;
};

inline constexpr float kLargestEncoded = 65504.0f;  // scales are binary16

// True for Q2_K to Q6_K, Q4_0 to Q5_1, NVFP4, Q1_0, Q2_0 and all IQ types.
bool CanSearch(DType dtype);

// The encoders that belong to `table`.
const BlockEncoders& EncodersOf(const KernelTable& table);

}  // namespace tael
