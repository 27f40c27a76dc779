// IQ4_NL and IQ4_XS: 4-bit indices into 16 unevenly spaced levels. The structs are the stored bytes
// (little-endian); blocks lie unaligned in files, so copy them with memcpy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/float_bits.h"
#include "quant/integer_form.h"

namespace tael {

inline constexpr int8_t kIq4Levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};

struct BlockIQ4_NL {  // value = d * level; nibble order as in Q4_0
  uint16_t d;
  uint8_t qs[16];
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockIQ4_NL) == 18);

struct BlockIQ4_XS {  // value = d * (scale - 32) * level
  uint16_t d;
  uint16_t scales_h;    // upper 2 bits of the 8 scales
  uint8_t scales_l[4];  // low 4 bits of the 8 scales, one per 32 elements
  uint8_t qs[128];      // 16 bytes per 32 elements, nibble order as in Q4_0
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockIQ4_XS) == 136);

// These formats are one part per block: `part` is 0.
void Unpack(const BlockIQ4_NL& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockIQ4_XS& block, size_t part, IntegerBlock* out) noexcept;

}  // namespace tael
