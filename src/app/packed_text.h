// How products with a packed matrix are computed, in words for people.
#pragma once

#include "ops/matmul_mode.h"
#include "quant/packed_matrix.h"

namespace tael {

inline const char* PackedMatmulText(const PackedMatrix& matrix, MatmulMode mode) {
  if (InIntegers(mode) && CodeShapeOf(matrix).blocks != 0)
    return "int8, activations in blocks of 32";
  return "decoded to float32";
}

}  // namespace tael
