// GGML's first formats: blocks of 32 with one scale, some with an offset. Element j < 16 is in the
// low half of byte j, element j + 16 in its high half. The structs are the stored bytes
// (little-endian); blocks lie unaligned in files, so copy them with memcpy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/float_bits.h"
#include "quant/integer_form.h"

namespace tael {

struct BlockQ4_0 {  // value = d * (q - 8)
  uint16_t d;       // binary16, as every `d`, `m` and `dmin` below
  uint8_t qs[16];
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockQ4_0) == 18);

struct BlockQ4_1 {  // value = d * q + m
  uint16_t d, m;
  uint8_t qs[16];
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d) && IsFiniteHalf(m); }
};
static_assert(sizeof(BlockQ4_1) == 20);

struct BlockQ5_0 {  // value = d * (q - 16)
  uint16_t d;
  uint8_t qh[4];  // bit j of these 32 bits is the fifth bit of element j
  uint8_t qs[16];
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockQ5_0) == 22);

struct BlockQ5_1 {  // value = d * q + m
  uint16_t d, m;
  uint8_t qh[4];
  uint8_t qs[16];
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d) && IsFiniteHalf(m); }
};
static_assert(sizeof(BlockQ5_1) == 24);

struct BlockQ8_0 {  // value = d * q
  uint16_t d;
  int8_t qs[32];
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockQ8_0) == 34);

struct BlockQ8_1 {  // value = d * q; s = d * (sum of q) serves other engines' products
  uint16_t d, s;
  int8_t qs[32];
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockQ8_1) == 36);

// These formats are one part per block: `part` is 0.
void Unpack(const BlockQ4_0& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ4_1& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ5_0& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ5_1& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ8_0& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockQ8_1& block, size_t part, IntegerBlock* out) noexcept;

}  // namespace tael
