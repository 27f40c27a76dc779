// Arithmetic of the BF16 product (docs/numerics.md, 17) number by number, without modes of the
// processor.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace tael {

// A denormal number becomes a zero of its sign.
inline float FlushDenormal(float v) {
  const auto bits = std::bit_cast<uint32_t>(v);
  return (bits & 0x7f800000u) == 0 ? std::bit_cast<float>(bits & 0x80000000u) : v;
}

// a * b + c rounded once to 24 bits whatever the exponent is; results below 2^-126 become zeros.
// REQUIRES: a and b have 8 bits at most, and none of the three is denormal.
inline float FlushedFma(float a, float b, float c) {
  const float sum = __builtin_fmaf(a, b, c);
  if (std::fabs(sum) != 0x1p-126f) return FlushDenormal(sum);
  // Denormals are coarser than 24 bits: this may have been a smaller number. In double the
  // product is exact, and the sum near enough to tell.
  const double exact =
      __builtin_fma(static_cast<double>(a), static_cast<double>(b), static_cast<double>(c));
  return std::fabs(exact) < 0x1p-126 - 0x1p-151 ? std::copysign(0.0f, sum) : sum;
}

inline float FlushedAdd(float a, float b) { return FlushDenormal(a + b); }

}  // namespace tael
