// Exact conversions between float32 and the small float types that files store. Header-only so that
// decoders and kernels inline them; every function is defined for all bit patterns.
#pragma once

#include <bit>
#include <cstdint>

namespace tael {

// IEEE binary16 to float32: exact, subnormals included; NaN stays NaN. Without branches, so that
// loops over it vectorise.
constexpr float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t magnitude = half & 0x7fffu;
  // The product rebiases the exponent from 15 to 127 and normalises subnormals on the way.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  const uint32_t special = magnitude >= 0x7c00u ? 0x7f800000u : 0u;  // infinity, NaN
  return std::bit_cast<float>(sign | special | std::bit_cast<uint32_t>(scaled));
}

// float32 to IEEE binary16, round to nearest even. Too large becomes infinity; NaN becomes a quiet
// NaN with the upper payload bits kept (what the F16C instructions do).
constexpr uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  }
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);  // >= 65536
  if (magnitude < 0x38800000u) {                                               // < 2^-14: subnormal
    // Adding 0.5 puts the bit of weight 2^-24 at the end of the mantissa; the addition rounds.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t odd = (magnitude >> 13) & 1u;
  const uint32_t rounded = magnitude - (112u << 23) + 0xfffu + odd;  // 65520 and up carry into inf
  return static_cast<uint16_t>(sign | (rounded >> 13));
}

// bfloat16 to float32: exact.
constexpr float Bf16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// float32 to bfloat16, round to nearest even; NaN stays a (quiet) NaN.
constexpr uint16_t FloatToBf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// OCP float8 E4M3 (bias 7, no infinity, 0x7F and 0xFF are NaN) to float32: exact.
constexpr float E4M3ToFloat(uint8_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x80u) << 24;
  const uint32_t magnitude = bits & 0x7fu;
  if (magnitude == 0x7fu) return std::bit_cast<float>(sign | 0x7fc00000u);
  if (magnitude >= 8u) return std::bit_cast<float>(sign | ((magnitude << 20) + (120u << 23)));
  const float subnormal = static_cast<float>(magnitude) * 0x1p-9f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(subnormal));
}

// OCP float8 E5M2 to float32: exact. It is the upper byte of a binary16.
constexpr float E5M2ToFloat(uint8_t bits) {
  return HalfToFloat(static_cast<uint16_t>(static_cast<uint16_t>(bits) << 8));
}

// OCP E8M0 scale, 2^(bits - 127), to float32: exact; 255 is NaN.
constexpr float E8M0ToFloat(uint8_t bits) {
  if (bits == 255) return std::bit_cast<float>(0x7fc00000u);
  if (bits == 0) return 0x1p-127f;  // below the normal range of float32
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 23);
}

constexpr bool IsFinite(float value) {
  return (std::bit_cast<uint32_t>(value) & 0x7f800000u) != 0x7f800000u;
}
constexpr bool IsFiniteHalf(uint16_t half) { return (half & 0x7c00u) != 0x7c00u; }
constexpr bool IsFiniteBf16(uint16_t bits) { return (bits & 0x7f80u) != 0x7f80u; }

}  // namespace tael
