// The integer form of block formats: what the integer matrix product multiplies (docs/numerics.md,
// 5).
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/dtype.h"

namespace tael {

// Elements per integer block: 256 for super-block formats (K-quants, IQ2/3/1, IQ4_XS, TQ), 32 for
// the others (a Q1_0 block of 128 is four of them, a Q2_0 block of 64 two), 16 for NVFP4, whose
// scales are floats per 16; 0 when a type has no integer form (plain types, Q8_1, Q8_K).
size_t IntegerBlockSize(DType dtype);

// Block of the 8-bit activations for this format: 256 where IntegerBlockSize is 256, else 32.
size_t ActivationBlock(DType dtype);

// One integer block. Element i has value d * subscale[i / 16] * w[i] + dm * minimum[i / 16].
struct IntegerBlock {
  alignas(64) int8_t w[256];  // the first IntegerBlockSize elements are set
  int16_t subscale[16];       // 1 where the format has none
  int16_t minimum[16];        // 0 where the format has none
  float d = 0, dm = 0;        // dm carries the sign (-dmin for K-quants, m for Q4_1)
};

// True when blocks of this format have minima (Q4_1, Q5_1, Q2_K, Q4_K, Q5_K).
bool HasMinimum(DType dtype);

// Unpacks integer block number `index` of a row. REQUIRES: IntegerBlockSize(dtype) != 0.
// Contract: |isum| of the block with |q| <= 127 fits int32, w in [-128, 127].
void UnpackIntegerBlock(DType dtype, const uint8_t* row, size_t index, IntegerBlock* out) noexcept;

}  // namespace tael
