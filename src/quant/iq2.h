// IQ2_XXS, IQ2_XS, IQ2_S: about 2 bits per weight. Runs of 8 weights are rows of a codebook with
// signs; value = d / 8 * (2 * scale + 1) * (signed row element). Super-blocks of 256: group g is
// elements 32 * g .. 32 * g + 31, its run l the elements 32 * g + 8 * l and on. The structs are the
// stored bytes (little-endian); blocks lie unaligned in files, so copy them with memcpy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/float_bits.h"
#include "quant/integer_form.h"

namespace tael {

struct BlockIQ2_XXS {
  uint16_t d;
  uint16_t qs[32];  // per group: 4 index bytes, then 32 bits: 4 x 7 signs, scale in the top 4
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockIQ2_XXS) == 66);

struct BlockIQ2_XS {
  uint16_t d;
  uint16_t qs[32];    // per run: 9 bits index, 7 bits signs
  uint8_t scales[8];  // per group: low nibble for its runs 0, 1, high nibble for 2, 3
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockIQ2_XS) == 74);

struct BlockIQ2_S {
  uint16_t d;
  uint8_t qs[32];     // per run: low 8 bits of the index
  uint8_t signs[32];  // per run: one bit per element
  uint8_t qh[8];      // per group: 2 upper index bits for each of the 4 runs
  uint8_t scales[8];  // as in IQ2_XS
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockIQ2_S) == 82);

// These formats are one part per block: `part` is 0.
void Unpack(const BlockIQ2_XXS& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockIQ2_XS& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockIQ2_S& block, size_t part, IntegerBlock* out) noexcept;

}  // namespace tael
