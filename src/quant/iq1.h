// IQ1_S and IQ1_M: below 2 bits per weight. Runs of 8 weights are rows of a codebook of -1, 0, 1,
// shifted as a whole by 1/8 up or down: value = d / 8 * (2 * scale + 1) * (8 * element +- 1).
// Super-blocks of 256: group g is elements 32 * g .. 32 * g + 31 and has 4 such runs. The structs
// are the stored bytes (little-endian); blocks lie unaligned in files, so copy them with memcpy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/float_bits.h"
#include "quant/integer_form.h"

namespace tael {

struct BlockIQ1_S {
  uint16_t d;
  uint8_t qs[32];  // per run: low 8 bits of the index
  uint16_t qh[8];  // per group: 4 x 3 upper index bits, 3 bits scale, top bit: shift is down
  bool SurelyFinite() const noexcept { return IsFiniteHalf(d); }
};
static_assert(sizeof(BlockIQ1_S) == 50);

struct BlockIQ1_M {
  uint8_t qs[32];  // per run: low 8 bits of the index
  uint8_t qh[16];  // per run a nibble: 3 upper index bits, top bit: shift is down
  // Four 16-bit words: 4 x 3 bits of scales (one per run of 16); their top nibbles together are
  // the binary16 d, lowest nibble first.
  uint16_t scales[4];
  uint16_t D() const noexcept {
    return static_cast<uint16_t>(scales[0] >> 12 | (scales[1] >> 12) << 4 | (scales[2] >> 12) << 8 |
                                 (scales[3] >> 12) << 12);
  }
  bool SurelyFinite() const noexcept { return IsFiniteHalf(D()); }
};
static_assert(sizeof(BlockIQ1_M) == 56);

// These formats are one part per block: `part` is 0.
void Unpack(const BlockIQ1_S& block, size_t part, IntegerBlock* out) noexcept;
void Unpack(const BlockIQ1_M& block, size_t part, IntegerBlock* out) noexcept;

}  // namespace tael
