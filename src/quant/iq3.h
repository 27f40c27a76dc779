// IQ3_XXS and IQ3_S: about 3 bits per weight. Runs of 4 weights are rows of a codebook with signs.
// Super-blocks of 256: group g is elements 32 * g .. 32 * g + 31 and has 8 such runs. The structs
// are the stored bytes (little-endian); blocks lie unaligned in files, so copy them with memcpy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/float_bits.h"
#include "quant/integer_form.h"

namespace tael {

struct BlockIQ3_XXS {  // value = d / 4 * (2 * scale + 1) * (signed row element)
  uint16_t d;
  uint8_t qs[64];                  // per run: index
  uint8_t scales_and_signs[8][4];  // per group, 32 bits: 7 signs for each 8 elements, scale in the
                                   // top 4
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockIQ3_XXS) == 98);

struct BlockIQ3_S {  // value = d * (2 * scale + 1) * (signed row element)
  uint16_t d;
  uint8_t qs[64];     // per run: low 8 bits of the index
  uint8_t qh[8];      // per group: the ninth index bit of run r at bit r
  uint8_t signs[32];  // one bit per element
  uint8_t scales[4];  // per group a nibble, even groups low
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockIQ3_S) == 110);

// These formats are one part per block: `part` is 0.
void Unpack(const BlockIQ3_XXS& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockIQ3_S& block, size_t part, IntegerBlock* out) noexcept;

}  // namespace tael
