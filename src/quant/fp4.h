// MXFP4 and NVFP4: 4-bit floats (E2M1) with a shared scale. Their integer weights are the doubled
// E2M1 values, so the scales are halved. The structs are the stored bytes; blocks lie unaligned in
// files, so copy them with memcpy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/float_bits.h"
#include "quant/integer_form.h"

namespace tael {

// Twice the value of each E2M1 code. Code 8, minus zero, counts as zero.
inline constexpr int8_t kE2M1Doubled[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                            0, -1, -2, -3, -4, -6, -8, -12};

// Half the E8M0 scale as MXFP4 blocks use it: 2^(e - 128), where 255 is no NaN but 2^127.
constexpr float HalvedE8M0(uint8_t e) {
  if (e < 2) return e == 0 ? 0x1p-128f : 0x1p-127f;  // below the normal range of float32
  return std::bit_cast<float>(static_cast<uint32_t>(e - 1) << 23);
}

// Unsigned E4M3 scale (bias 7) as NVFP4 blocks use it: 0x7F is 0, bit 7 is ignored apart from
// that, so 0xFF is 480.
constexpr float UE4M3ToFloat(uint8_t bits) {
  if (bits == 0x7f) return 0.0f;
  const uint32_t magnitude = bits & 0x7fu;
  if (magnitude < 8u) return static_cast<float>(magnitude) * 0x1p-9f;
  return std::bit_cast<float>((magnitude << 20) + (120u << 23));
}

struct BlockMXFP4 {  // 32 elements, value = 2^(e - 127) * E2M1; nibble order as in Q4_0
  uint8_t e;
  uint8_t qs[16];
  // Above 252 the larger codes overflow float32.
  bool SurelyFinite() const noexcept { return e <= 252; }
};
static_assert(sizeof(BlockMXFP4) == 17);

struct BlockNVFP4 {  // 64 elements, value = UE4M3 * E2M1
  uint8_t d[4];      // one scale per 16 elements
  uint8_t qs[32];    // 8 bytes per 16 elements: low nibbles are the first 8
  bool SurelyFinite() const noexcept { return true; }
};
static_assert(sizeof(BlockNVFP4) == 36);

// MXFP4 is one part. NVFP4 (four parts) unpacks elements 16 * part and on.
void Unpack(const BlockMXFP4& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockNVFP4& block, size_t part, IntegerBlock* out) noexcept;

}  // namespace tael
