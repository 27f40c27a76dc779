// The K-quants: super-blocks of 256 elements whose runs of 16 or 32 have small integer scales (and
// minima), scaled once more by the float `d` (and `dmin`). The structs are the stored bytes
// (little-endian); blocks lie unaligned in files, so copy them with memcpy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/float_bits.h"
#include "quant/integer_form.h"

namespace tael {

struct BlockQ2_K {     // value = d * (scale & 15) * q - dmin * (scale >> 4)
  uint8_t scales[16];  // one per run of 16: scale in the low nibble, minimum in the high one
  uint8_t qs[64];      // 2 bits: byte 32 * (e / 128) + e % 32, shift 2 * (e % 128 / 32)
  uint16_t d, dmin;
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d) && IsFiniteHalf(dmin); }
};
static_assert(sizeof(BlockQ2_K) == 84);

struct BlockQ3_K {     // value = d * (scale - 32) * q, q in [-4, 3]
  uint8_t hmask[32];   // bit e / 32 of byte e % 32: 0 lowers element e by 4
  uint8_t qs[64];      // low 2 bits, placed as in Q2_K
  uint8_t scales[12];  // sixteen 6-bit scales: 16 low nibbles, then 16 high bit pairs
  uint16_t d;
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockQ3_K) == 110);

struct BlockQ4_K {  // value = d * scale * q - dmin * minimum
  uint16_t d, dmin;
  uint8_t scales[12];  // eight 6-bit scales and minima, see UnpackScalesAndMinima
  uint8_t qs[128];     // byte 32 * (e / 64) + e % 32, low nibble for e % 64 < 32
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d) && IsFiniteHalf(dmin); }
};
static_assert(sizeof(BlockQ4_K) == 144);

struct BlockQ5_K {  // value = d * scale * q - dmin * minimum
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t qh[32];  // bit e / 32 of byte e % 32 is the fifth bit of element e
  uint8_t qs[128];
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d) && IsFiniteHalf(dmin); }
};
static_assert(sizeof(BlockQ5_K) == 176);

struct BlockQ6_K {    // value = d * scale * (q - 32)
  uint8_t ql[128];    // low nibbles: byte 64 * (e / 128) + e % 64, low nibble for e % 128 < 64
  uint8_t qh[64];     // upper 2 bits, placed as Q2_K's
  int8_t scales[16];  // one per run of 16
  uint16_t d;
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockQ6_K) == 210);

struct BlockQ8_K {  // value = d * q; an activation type of other engines
  float d;
  int8_t qs[256];
  int16_t bsums[16];
  // 2^120 * 128 is below the largest float; above that the elements decide.
  bool SurelyFinite() const noexcept { return d > -0x1p120f && d < 0x1p120f; }
};
static_assert(sizeof(BlockQ8_K) == 292);

// The eight 6-bit scales and minima that Q4_K and Q5_K pack into 12 bytes.
void UnpackScalesAndMinima(const uint8_t packed[12], uint8_t scales[8], uint8_t minima[8]) noexcept;

// These formats are one part per block: `part` is 0.
void Unpack(const BlockQ2_K& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ3_K& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ4_K& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ5_K& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ6_K& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ8_K& block, size_t part, IntegerBlock* out) noexcept;

}  // namespace tael
