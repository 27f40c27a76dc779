// Formats of one and two bits or one ternary digit per weight, without a codebook. The structs are
// the stored bytes (little-endian); blocks lie unaligned in files, so copy them with memcpy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/float_bits.h"
#include "quant/integer_form.h"

namespace tael {

struct BlockTQ1_0 {  // value = d * (digit - 1)
  // A byte holds 5 (in qh 4) ternary digits as the fraction byte / 256, first digit first:
  // multiplying by 3 pushes a digit out of the top. Elements: 160 in qs[0..31] (byte m holds
  // m, m + 32, ..), then 80 in qs[32..47] (m, m + 16, ..), then 16 in qh (m, m + 4, ..).
  uint8_t qs[48];
  uint8_t qh[4];
  uint16_t d;
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockTQ1_0) == 54);

struct BlockTQ2_0 {  // value = d * (q - 1)
  uint8_t qs[64];    // 2 bits: byte 32 * (e / 128) + e % 32, shift 2 * (e % 128 / 32)
  uint16_t d;
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockTQ2_0) == 66);

struct BlockQ1_0 {  // 128 elements, value = bit ? d : -d
  uint16_t d;
  uint8_t qs[16];  // element e: bit e % 8 of byte e / 8
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockQ1_0) == 18);

struct BlockQ2_0 {  // 64 elements, value = d * (q - 1), q in [0, 3]
  uint16_t d;
  uint8_t qs[16];  // element e: bits 2 * (e % 4) and up of byte e / 4
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockQ2_0) == 18);

// TQ blocks are one part. Q1_0 (four parts) and Q2_0 (two) unpack elements 32 * part and on.
void Unpack(const BlockTQ1_0& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockTQ2_0& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ1_0& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ2_0& block, size_t part, IntegerBlock* out) noexcept;

}  // namespace tael
